"""The words of a case: its states and acts, its times, its evidence and its notice."""

from api.accounts.permissions import Permission
from api.cases.review import Verdict
from api.cases.states import Act, CaseState, Condition, DismissalReason, WithdrawalReason
from api.cases.tables import Level, ReminderKind, Stage, TimeDoubt
from api.console.i18n import N_
from api.console.words import Tone
from api.notices.schemas import Standing
from api.notices.service import Obstacle
from contract.evidence import ClipFlaw

STATES: dict[CaseState, Tone] = {
    CaseState.DETECTED: Tone(N_("Detected"), "wait"),
    CaseState.PENDING_REVIEW: Tone(N_("To judge"), "wait"),
    CaseState.MERGED: Tone(N_("Merged"), "minor"),
    CaseState.DISMISSED: Tone(N_("Dismissed"), "minor"),
    CaseState.CONFIRMED: Tone(N_("Confirmed"), "bad"),
    CaseState.RECORDED: Tone(N_("Recorded only"), "minor"),
    CaseState.ISSUED: Tone(N_("Notice issued"), "bad"),
    CaseState.ACKNOWLEDGED: Tone(N_("Signed for"), "bad"),
    CaseState.REFUSED: Tone(N_("Refused by the shop"), "bad"),
    CaseState.APPEALED: Tone(N_("Appealed"), "wait"),
    CaseState.SUBMITTED: Tone(N_("To verify"), "wait"),
    CaseState.RETURNED: Tone(N_("Returned to the shop"), "bad"),
    CaseState.ON_SITE: Tone(N_("Check on site"), "wait"),
    CaseState.WITHDRAWN: Tone(N_("Withdrawn"), "minor"),
    CaseState.CLOSED: Tone(N_("Closed"), "good"),
    CaseState.TRANSFERRED: Tone(N_("Turned over to enforcement"), "bad"),
}

# What a shop reads instead, which has to know what is for it to do.
STATES_FOR_THE_SHOP: dict[CaseState, Tone] = STATES | {
    CaseState.ISSUED: Tone(N_("For you to sign for"), "bad"),
    CaseState.ACKNOWLEDGED: Tone(N_("For you to put right"), "bad"),
    CaseState.REFUSED: Tone(N_("Officers will visit you"), "bad"),
    CaseState.APPEALED: Tone(N_("Your objection is being decided"), "wait"),
    CaseState.SUBMITTED: Tone(N_("Answered, being checked"), "wait"),
    CaseState.RETURNED: Tone(N_("Not accepted: for you to put right"), "bad"),
    CaseState.ON_SITE: Tone(N_("Officers will visit you"), "wait"),
    CaseState.CLOSED: Tone(N_("Done"), "good"),
}

# What an act is called on its button.
ACTS: dict[Act, str] = {
    Act.CONFIRM: N_("Confirm the violation"),
    Act.DISMISS: N_("Dismiss the case"),
    Act.MERGE: N_("Merge into another case"),
    Act.SPLIT: N_("Separate it from the other case"),
    Act.UNDO: N_("Take the judgement back"),
    Act.REOPEN: N_("Reopen the case"),
    Act.RECORD: N_("Record only"),
    Act.ISSUE: N_("Issue the notice"),
    Act.ACKNOWLEDGE: N_("Sign for the notice"),
    Act.SUBMIT: N_("Report it as put right"),
    Act.APPEAL: N_("Object to the notice"),
    Act.REFUSE: N_("Record that the shop refuses the notice"),
    Act.UPHOLD: N_("The objection is right: withdraw the notice"),
    Act.REJECT: N_("The objection is not right: the notice stands"),
    Act.RETURN: N_("Return to the shop"),
    Act.GO_ON_SITE: N_("Check on site"),
    Act.CLOSE: N_("Verified: close the case"),
    Act.WITHDRAW: N_("Withdraw the notice"),
    Act.TRANSFER: N_("Turn over to enforcement"),
    Act.EXTEND: N_("Extend the deadline"),
}

# What the next case is called that waits in the same state.
NEXT: dict[CaseState, str] = {
    CaseState.PENDING_REVIEW: N_("Next case to judge"),
    CaseState.CONFIRMED: N_("Next case without its notice"),
    CaseState.SUBMITTED: N_("Next case to verify"),
    CaseState.APPEALED: N_("Next objection to decide"),
}

# What a judgement of the review queue is called.
VERDICTS: dict[Verdict, str] = {
    Verdict.VIOLATION: N_("Violation"),
    Verdict.NOT_A_VIOLATION: N_("Not a violation"),
    Verdict.CANNOT_TELL: N_("Cannot tell"),
    Verdict.NOTICE: N_("Notice issued"),
    Verdict.MERGE: N_("Merged into another case"),
    Verdict.UNDO: N_("Judgement taken back"),
}

# What happened, for the timeline.
EVENTS: dict[Act, str] = {
    Act.REPORT: N_("Reported by the edge box"),
    Act.QUEUE: N_("Put up for judgement"),
    Act.MUTE: N_("Set aside: this spot is muted for this rule"),
    Act.CONFIRM: N_("Violation confirmed"),
    Act.DISMISS: N_("Case dismissed"),
    Act.MERGE: N_("Merged into another case"),
    Act.SPLIT: N_("Separated from the other case, to be judged by itself"),
    Act.UNDO: N_("Judgement taken back"),
    Act.REOPEN: N_("Case reopened"),
    Act.RECORD: N_("Recorded only"),
    Act.ISSUE: N_("Notice issued"),
    Act.ACKNOWLEDGE: N_("Notice signed for"),
    Act.SUBMIT: N_("Reported as put right"),
    Act.APPEAL: N_("Objection to the notice"),
    Act.REFUSE: N_("Notice refused by the shop"),
    Act.UPHOLD: N_("Objection upheld, notice withdrawn"),
    Act.REJECT: N_("Objection rejected, the notice stands"),
    Act.RETURN: N_("Returned to the shop"),
    Act.GO_ON_SITE: N_("Check on site begun"),
    Act.CLOSE: N_("Verified and closed"),
    Act.WITHDRAW: N_("Notice withdrawn"),
    Act.TRANSFER: N_("Turned over to enforcement"),
    Act.EXTEND: N_("Deadline extended"),
}

# Until when what is to be done.
DUE: dict[Stage, str] = {
    Stage.REVIEW: N_("To be judged by %(at)s"),
    Stage.NOTICE: N_("Its notice to be issued by %(at)s"),
    Stage.SIGN: N_("To be signed for by %(at)s"),
    Stage.RECTIFY: N_("To be put right by %(at)s"),
    Stage.VERIFY: N_("To be verified by %(at)s"),
    Stage.DECIDE: N_("To be decided by %(at)s"),
    Stage.VISIT: N_("To be checked on site by %(at)s"),
}

# The same for a shop: what it has to do, and what it only waits for. A visit is not announced.
DUE_FOR_THE_SHOP: dict[Stage, str] = DUE | {
    Stage.SIGN: N_("Please sign for it by %(at)s"),
    Stage.RECTIFY: N_("Please put it right and answer by %(at)s"),
    Stage.VERIFY: N_("For the authority to verify by %(at)s"),
    Stage.DECIDE: N_("For the authority to decide by %(at)s"),
}

LEVELS: dict[Level, str] = {
    Level.STATION: N_("Reported to the station"),
    Level.BUREAU: N_("Reported to the bureau"),
    Level.TALK: N_("To be summoned for a talk"),
}

REMINDERS: dict[ReminderKind, str] = {
    ReminderKind.HALF: N_("Reminder: half of the time is over"),
    ReminderKind.LIMIT: N_("Reminder: the deadline has passed"),
}

# Why an act is not offered.
WHY_NOT: dict[Permission | Condition, str] = {
    Permission.CASES_JUDGE: N_("Reviewers and officers judge cases."),
    Permission.CASES_HANDLE: N_("An officer or a section head does this."),
    Permission.CASES_DECIDE: N_("Only a section head decides this."),
    Permission.CASES_ANSWER: N_("The shop does this, or an officer for it."),
    Condition.BY_THE_SAME_PERSON_WITHIN_10_S: N_("Only whoever judged it can take it back, and only within 10 seconds."),
    Condition.WITHIN_30_DAYS: N_("A dismissed case can be reopened for 30 days; these are over."),
    Condition.MINOR_AND_THE_FIRST: N_("Only for a minor case that is the first of its kind at the shop in 30 days."),
    Condition.OVERDUE: N_("Possible once the deadline has passed."),
    Condition.NOT_BY_WHO_SUBMITTED: N_("Whoever reported it as put right cannot verify it; another officer must."),
}

# What a remark is asked for, where it must be given.
NOTES: dict[Act, str] = {
    Act.SPLIT: N_("Why these are two things"),
    Act.REOPEN: N_("Why the case is reopened"),
    Act.SUBMIT: N_("What was done, and by whom"),
    Act.APPEAL: N_("What is not right about the notice"),
    Act.REFUSE: N_("How and by whom it was refused"),
    Act.UPHOLD: N_("Grounds of the decision"),
    Act.REJECT: N_("Grounds of the decision"),
    Act.RETURN: N_("What is still missing"),
    Act.CLOSE: N_("What was found on site"),
    Act.TRANSFER: N_("Number of the enforcement case"),
    Act.EXTEND: N_("Why the shop is given more time"),
}

# What stands in the way of a notice, and what to do.
OBSTACLES: dict[Obstacle, str] = {
    Obstacle.NO_CONTACT: N_(
        "The shop %(what)s has no contact, so nobody would get the notice. Have a name and a telephone number "
        "entered under Shops."
    ),
    Obstacle.NO_PHONE: N_(
        "The station %(what)s has no telephone number, which a notice must name. Have an administrator enter it under Shops."
    ),
    Obstacle.NO_RULE: N_("The rule %(what)s is not in the rule catalogue of this server. Have an administrator put it back."),
    Obstacle.NOT_ACCEPTED: N_(
        "Nobody has checked %(what)s, and no other clause says that this is forbidden. A section head must read and accept it "
        "once, on the page of the case."
    ),
    Obstacle.NO_CLAUSE: N_(
        "%(what)s has no clause number, and no other clause says that this is forbidden. No notice can be issued on it, whoever "
        "accepts it, before the number stands in the rule catalogue."
    ),
    Obstacle.NO_CHARACTER: N_(
        "The font of the notice lacks the character %(what)s. Have that name or address written without it."
    ),
}

STANDINGS: dict[Standing, Tone | None] = {
    Standing.VERIFIED: None,
    Standing.ACCEPTED: Tone(N_("accepted by a section head"), "good"),
    Standing.UNVERIFIED: Tone(N_("wording not verified"), "wait"),
    Standing.NO_CLAUSE: Tone(N_("clause number missing"), "wait"),
}

SEVERITIES: dict[int, Tone] = {
    1: Tone(N_("Serious"), "1"),
    2: Tone(N_("Fairly serious"), "2"),
    3: Tone(N_("Minor"), "3"),
}

REASONS: dict[DismissalReason | WithdrawalReason, str] = {
    DismissalReason.NOT_A_VIOLATION: N_("Nothing is wrong here"),
    DismissalReason.CANNOT_TELL: N_("The picture does not show it clearly enough"),
    DismissalReason.NOT_STAFF: N_("Not a person who works with food"),
    DismissalReason.DUPLICATE: N_("The same incident is another case already"),
    DismissalReason.TEST: N_("A test or an exercise"),
    DismissalReason.OTHER: N_("Another reason"),
    WithdrawalReason.INSUFFICIENT_EVIDENCE: N_("The evidence is not sufficient"),
    WithdrawalReason.WRONG_FACTS: N_("The facts were established wrongly"),
    WithdrawalReason.ALREADY_PUT_RIGHT: N_("The shop had put it right already"),
    WithdrawalReason.WRONG_LAW: N_("The wrong rule was applied"),
    WithdrawalReason.OTHER: N_("Another reason"),
}

# After "There is no clip:", "It begins late:" and "It ends early:".
CLIP_FLAWS: dict[ClipFlaw, str] = {
    ClipFlaw.MEMORY: N_("it did not fit into the memory of the edge box"),
    ClipFlaw.STREAM: N_("the camera's stream had just begun, broke off or stood still"),
    ClipFlaw.STOPPED: N_("the edge box was stopped or lost power"),
    ClipFlaw.FORMAT: N_("the camera's stream is neither H.264 nor H.265, or has no time stamps"),
    ClipFlaw.DISK: N_("the disk of the edge box did not take it"),
    ClipFlaw.FAILED: N_("the edge box could not cut it; its log says why"),
}

TIME_DOUBTS: dict[TimeDoubt, str] = {
    TimeDoubt.NO_CLOCK: N_(
        "The time is in doubt: it is when the centre got the picture, because the clock of the box cannot have been right."
    ),
    TimeDoubt.UNCOMPARED: N_(
        "The time is in doubt: it is what the box told, whose clock had not been compared with the centre's."
    ),
}

BOX_KINDS: dict[str, str] = {
    "person": N_("Person"),
    "head": N_("Head"),
    "hand": N_("Hand"),
    "cigarette": N_("Cigarette"),
}
