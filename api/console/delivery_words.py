"""The words for messages and their targets."""

from api.console.i18n import N_
from api.console.words import Tone
from api.deliveries.kinds import Audience, Channel, DeliveryState, Event, Fault, TargetState

CHANNELS: dict[Channel, str] = {
    Channel.WEBHOOK: N_("Webhook (another system)"),
    Channel.WECOM: N_("WeCom robot"),
    Channel.DINGTALK: N_("DingTalk robot"),
    Channel.FEISHU: N_("Feishu robot"),
    Channel.EMAIL: N_("E-mail"),
    Channel.SMS: N_("Short message"),
    Channel.WEB_PUSH: N_("Browser of a person (Web Push)"),
    Channel.APPRISE: N_("Another service through Apprise, as well as it goes"),
}

AUDIENCES: dict[Audience, str] = {
    Audience.AUTHORITY: N_("Officers"),
    Audience.SHOP: N_("The shop"),
    Audience.PARTNER: N_("Another department or platform"),
}

EVENTS: dict[Event, str] = {
    Event.CASE_OPENED: N_("A finding waits for a judgement"),
    Event.CASE_CONFIRMED: N_("A violation was confirmed"),
    Event.CASE_DISMISSED: N_("A finding was dismissed"),
    Event.CASE_MERGED: N_("A finding was merged into another case"),
    Event.CASE_RECORDED: N_("A minor violation was recorded only"),
    Event.CASE_ISSUED: N_("A notice was issued"),
    Event.CASE_ACKNOWLEDGED: N_("The shop has signed for its notice"),
    Event.CASE_REFUSED: N_("The shop has refused its notice"),
    Event.CASE_APPEALED: N_("The shop objects"),
    Event.CASE_APPEAL_REJECTED: N_("An objection was rejected"),
    Event.CASE_SUBMITTED: N_("The shop reports that it put things right"),
    Event.CASE_RETURNED: N_("A case was returned to the shop"),
    Event.CASE_ON_SITE: N_("A check on site has begun"),
    Event.CASE_WITHDRAWN: N_("A notice was withdrawn"),
    Event.CASE_CLOSED: N_("A case was closed"),
    Event.CASE_TRANSFERRED: N_("A case was turned over to enforcement"),
    Event.CASE_EXTENDED: N_("A deadline was extended"),
    Event.CASE_DUE_SOON: N_("Half of a deadline is over"),
    Event.CASE_OVERDUE: N_("A deadline has passed"),
    Event.CASE_ESCALATED: N_("A case that is overdue has gone up"),
    Event.TARGET_DEAD: N_("A target is out of order"),
    Event.LINK_ASKED: N_("A link was asked for"),
    Event.TEST: N_("Test message"),
}

# Nothing failed, but nothing arrived either.
NEVER_TRIED = Tone(N_("Nothing sent yet"), "minor")
TARGET_STATES: dict[TargetState, Tone] = {
    TargetState.WORKING: Tone(N_("Working"), "good"),
    TargetState.FAILING: Tone(N_("Failing; tried again"), "wait"),
    TargetState.DEAD: Tone(N_("Takes no messages"), "bad"),
    TargetState.OFF: Tone(N_("Switched off"), "minor"),
}

DELIVERY_STATES: dict[DeliveryState, Tone] = {
    DeliveryState.WAITING: Tone(N_("Waiting"), "wait"),
    DeliveryState.DELIVERED: Tone(N_("Delivered"), "good"),
    DeliveryState.FAILED: Tone(N_("Not delivered"), "bad"),
}

FAULTS: dict[Fault, str] = {
    Fault.ADDRESS_REFUSED: N_("The address lies in a network that messages may not go to. An administrator can allow it."),
    Fault.NO_SUCH_NAME: N_("The name of the host is unknown. Check the address."),
    Fault.CANNOT_CONNECT: N_("No connection could be made. Is the receiver running, and its certificate valid?"),
    Fault.NO_ANSWER: N_("No whole answer came in time."),
    Fault.REDIRECT: N_("The receiver sent us to another address. Enter that address here."),
    Fault.HTTP_STATUS: N_("The receiver answered with an error."),
    Fault.GONE: N_("The receiver wants no more messages."),
    Fault.PROGRAM_REVOKED: N_("The program that got this was revoked. Nothing more is sent here."),
    Fault.SERVICE_ERROR: N_("The service took the message and answered with an error; its answer says which."),
    Fault.TOO_FAST: N_("The service wants fewer messages for a while."),
    Fault.WRONG_SETTINGS: N_(
        "The service does not know the key, or refuses signature, keyword or address. Check the robot; a browser is switched on "
        "anew."
    ),
    Fault.KEY_MISSING: N_("The stored secrets cannot be read. Enter them again, or add the target anew."),
    Fault.NOT_SET_UP: N_("The centre's own settings for this channel are missing or refused. An administrator can fix them."),
    Fault.NO_SUCH_RECIPIENT: N_("There is no such recipient. Check the address or the number."),
    Fault.NO_WORDS: N_(
        "The message could not be put into words, and was not sent. Tell an administrator: the log of the server says why. The "
        "case itself is not touched."
    ),
    Fault.INTERRUPTED: N_("The server stopped before the answer was recorded. The message may have arrived."),
}

# By the field that refuses.
WRONG: dict[str, str] = {
    "name": N_("Fill this in on one line, with at most 100 characters."),
    "place": N_("Choose a place that fits: a target that a shop reads belongs to that shop."),
    "url": N_("Write an address as https://host/path, on the public internet, without user name and password."),
    "client_id": N_(
        "Choose a program that sees this place and was not revoked, or none. One from outside the authority is told as another "
        "department or platform."
    ),
    "token": N_(
        "Enter what stands at the end of the robot's address: letters, digits, - and _ only; for Apprise an address that it "
        "knows, such as ntfys://host/topic."
    ),
    "secret": N_("Switch on signing for the robot, and enter its secret here."),
    "next_id": N_("Choose a target that officers read: nobody else is told instead of another."),
    "recipient": N_("Write an e-mail address as name@example.org, a mobile number with its 11 digits."),
    "channel": N_("This centre is not set up for this channel yet. An administrator does that in its settings."),
    "enabled": N_(
        "This was switched off in the browser itself, which somebody else may use by now. It is switched on again there."
    ),
    "events": N_(
        "Choose at least one. A shop or another department is told of notices and what follows, not of findings; "
        "a short message tells of a notice, of half of the time, and of its end only."
    ),
}
