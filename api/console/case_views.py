"""Cases as the pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.accounts.actors import Actor, ActorKind
from api.accounts.permissions import Permission
from api.cases.service import acts_of
from api.cases.states import CaseState, DismissalReason
from api.cases.tables import Case, CaseTransition
from api.console.geometry import close_up
from api.console.i18n import N_
from api.console.seals import seal_view
from api.console.speech import Speaker, find_rule
from api.console.views import (
    BoxView,
    CaseRow,
    CaseView,
    EventView,
    Fact,
    LegendItem,
    Option,
    PictureView,
    VerdictForm,
    VotesView,
)
from api.console.words import ARRIVALS, BOX_KINDS, OVERTAKEN, REASONS
from api.evidence.service import ORIGINAL, SealCheck
from api.evidence.tables import Evidence
from contract.catalogue import Catalogue
from contract.evidence import Manifest, MarkedBox

# Square: beside the wide picture there is a column.
_CROP_ASPECT = 1.0


@dataclass(frozen=True)
class Exhibit:
    """The evidence that a case is shown with: its first, on which it was opened."""

    evidence: Evidence
    manifest: Manifest
    seal: SealCheck


def case_url(case_id: int) -> str:
    return f"/cases/{case_id}"


def picture_url(evidence: Evidence) -> str:
    return f"/api/v1/evidence/{evidence.violation_id}/{ORIGINAL}"


def case_row(case: Case, digest: str | None, speaker: Speaker, catalogue: Catalogue) -> CaseRow:
    """`digest` is of the manifest that the thumbnail is made of; None without a picture that the reader may see."""
    return CaseRow(
        id=case.id, url=case_url(case.id), thumbnail=f"/cases/{case.id}/thumbnail.jpg?v={digest[:12]}" if digest else None,
        title=speaker.rule_title(case.rule, catalogue), severity=speaker.severity(case.severity), state=speaker.state(case.state),
        shop=case.shop.name, area=speaker.area(case.area.kind), camera=case.camera.name, captured=speaker.time(case.captured_at),
        votes=_votes(case, speaker, catalogue).sentence,
    )


def case_view(
    case: Case, exhibit: Exhibit | None, transitions: Sequence[CaseTransition], actor: Actor, speaker: Speaker,
    catalogue: Catalogue,
) -> CaseView:
    row = case_row(case, None, speaker, catalogue)
    seal = seal_view(exhibit.seal, exhibit.evidence.chain, speaker) if exhibit else None
    return CaseView(
        id=case.id, title=row.title, back_url="/cases", severity=row.severity, state=row.state, shop=row.shop, area=row.area,
        camera=row.camera, captured=row.captured,
        lasted=speaker.lasted(exhibit.manifest.since, exhibit.manifest.captured_at) if exhibit else None,
        picture=_picture(exhibit, row, speaker) if exhibit else None, may_see_picture=actor.may(Permission.EVIDENCE_READ),
        votes=_votes(case, speaker, catalogue),
        rule=speaker.rule(case.rule, catalogue), seal=seal,
        facts=_facts(case, exhibit, speaker), timeline=[_event(transition, speaker) for transition in transitions],
        verdict=_verdict(case, actor, speaker), no_verdict=_no_verdict(case, speaker),
    )


def with_form(
    view: CaseView, *, reason: str | None, note: str, wrong: str | None = None, wrong_note: str | None = None,
    conflict: str | None = None,
) -> CaseView:
    """The page as it comes back after an act that was not done, with what was typed."""
    verdict = None
    if view.verdict:
        verdict = replace(view.verdict, reason=reason, note=note, wrong=wrong, wrong_note=wrong_note)
    return replace(view, verdict=verdict, conflict=conflict, lost_note=note if conflict and verdict is None else "")


def overtaken(transitions: Sequence[CaseTransition], speaker: Speaker) -> str:
    """What somebody else did last."""
    last = transitions[-1]
    return speaker.say(OVERTAKEN[last.after], actor=last.actor_name, at=speaker.time(last.at).short)


def _votes(case: Case, speaker: Speaker, catalogue: Catalogue) -> VotesView:
    return speaker.votes(case.looks, case.sure_looks, case.violating_looks, find_rule(case.rule, catalogue))


def _picture(exhibit: Exhibit, row: CaseRow, speaker: Speaker) -> PictureView:
    manifest = exhibit.manifest
    window = close_up(manifest.boxes, manifest.frame_width, manifest.frame_height, _CROP_ASPECT)
    drawn = {box.kind for box in manifest.boxes if not box.violating}
    legend = [LegendItem("violating", speaker.say(N_("What this is about")))] if window else []
    legend += [LegendItem(f"kind-{kind}", speaker.say(BOX_KINDS[kind])) for kind in BOX_KINDS if kind in drawn]
    return PictureView(
        url=picture_url(exhibit.evidence),
        alt=speaker.say(N_("%(camera)s at %(at)s: %(title)s"), camera=row.camera, at=row.captured.full, title=row.title),
        width=manifest.frame_width, height=manifest.frame_height, boxes=[_box(box) for box in manifest.boxes], legend=legend,
        crop=window.view_box if window else None,
    )


def _box(box: MarkedBox) -> BoxView:
    x1, y1, x2, y2 = (round(value) for value in box.box)
    return BoxView(box.kind, x1, y1, x2 - x1, y2 - y1, box.violating)


def _facts(case: Case, exhibit: Exhibit | None, speaker: Speaker) -> list[Fact]:
    if exhibit is None:
        return []
    say, manifest = speaker.say, exhibit.manifest
    facts = [
        Fact(say(N_("Edge box")), f"{exhibit.evidence.edge.name} ({manifest.software_version})"),
        Fact(say(N_("Models")), ", ".join(f"{model.name} {model.sha256[:12]}" for model in manifest.models)),
        Fact(say(N_("Rule catalogue")), manifest.catalogue_version),
        Fact(say(N_("Picture size")), f"{manifest.frame_width} × {manifest.frame_height}"),
        Fact(say(N_("Record")), f"{manifest.sequence} · {manifest.violation_id}"),
    ]
    if case.observations > 1:
        facts.insert(0, Fact(say(N_("Seen again")), say(N_("%(times)s times in all, kept as one case"), times=case.observations)))
    return facts


def _event(transition: CaseTransition, speaker: Speaker) -> EventView:
    reason = speaker.say(REASONS[DismissalReason(transition.reason)]) if transition.reason else None
    return EventView(
        words=speaker.say(ARRIVALS[transition.after]), at=speaker.time(transition.at), actor=transition.actor_name,
        reason=reason, note=transition.note,
    )


def _verdict(case: Case, actor: Actor, speaker: Speaker) -> VerdictForm | None:
    if actor.kind is not ActorKind.PERSON or not acts_of(actor, case):
        return None
    reasons = [Option(reason.value, speaker.say(words)) for reason, words in REASONS.items()]
    return VerdictForm(f"{case_url(case.id)}/confirm", f"{case_url(case.id)}/dismiss", case.version, reasons)


def _no_verdict(case: Case, speaker: Speaker) -> str:
    if case.state is CaseState.PENDING_REVIEW:
        return speaker.say(N_("Your account may read this case but not judge it. Reviewers and officers judge."))
    return speaker.say(N_("This case has been judged; below is by whom and why."))
