"""What a case is shown with: the picture with its boxes, and the clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.tables import TimeDoubt
from api.console.case_rows import CaseRow
from api.console.case_words import BOX_KINDS, CLIP_FLAWS
from api.console.geometry import close_up
from api.console.i18n import N_
from api.console.speech import Speaker
from api.evidence.service import BLURRED, ORIGINAL, PREVIEW, SealCheck, clip_of, is_of_another
from api.evidence.tables import Evidence
from contract.edge_auth import CLOCK_LEEWAY_S
from contract.evidence import CLIP, Manifest, MarkedBox


@dataclass(frozen=True)
class BoxView:
    """In pixels of the original picture."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    violating: bool


@dataclass(frozen=True)
class LegendItem:
    style: str
    words: str


@dataclass(frozen=True)
class PictureView:
    """`crop` is the viewBox of the person, in pixels of the original. `ask_url` is there for who may see faces for a `reason`."""

    url: str
    alt: str
    width: int
    height: int
    boxes: Sequence[BoxView]
    legend: Sequence[LegendItem]
    crop: str | None
    is_blurred: bool
    # Blurred means: all of it, since nobody has looked for faces in it.
    is_all_hidden: bool
    reason: str
    ask_url: str | None


@dataclass(frozen=True)
class ClipView:
    """`url` and `clip_url` are there for who sees faces now: what a browser plays, and, where that is a preview, the clip itself.
    `sentences` say what it is, or why there is none."""

    url: str | None
    clip_url: str | None
    sentences: Sequence[str]


# Square: beside the wide picture there is a column.
_CROP_ASPECT = 1.0


@dataclass(frozen=True)
class Exhibit:
    """The evidence that a case is shown with: its first, on which it was opened."""

    evidence: Evidence
    manifest: Manifest
    seal: SealCheck
    is_in_review: bool
    # For which faces are shown outside the review; empty where they are not.
    reason: str


def blurred_url(evidence: Evidence) -> str:
    return f"/api/v1/evidence/{evidence.violation_id}/{BLURRED}"


def picture_url(exhibit: Exhibit) -> str:
    return _with_faces(exhibit.evidence, exhibit.is_in_review, exhibit.reason, ORIGINAL) or blurred_url(exhibit.evidence)


def _with_faces(evidence: Evidence, is_in_review: bool, reason: str, name: str) -> str | None:
    """None where faces are not shown now."""
    url = f"/api/v1/evidence/{evidence.violation_id}/{name}"
    if is_in_review:
        return url
    return f"{url}?{urlencode({'reason': reason})}" if reason else None


def lasted(exhibit: Exhibit, speaker: Speaker) -> str | None:
    """By the centre's clock, as all that is shown; with what the box told where that is far off. Another's box tells of one
    moment."""
    manifest, evidence = exhibit.manifest, exhibit.evidence
    told, off = speaker.time(manifest.captured_at).exact, manifest.captured_at - evidence.seen_at
    if evidence.time_doubt is TimeDoubt.NO_CLOCK:
        return speaker.say(
            N_("The clock of the box stood at %(told)s, which cannot be: the time above is when the centre got the picture."),
            told=told,
        )
    if evidence.time_doubt is TimeDoubt.UNCOMPARED:
        return speaker.say(
            N_("The clock of the box stood at %(told)s; the centre got the picture at %(at)s."), told=told,
            at=speaker.time(evidence.received_at).exact,
        )
    if is_of_another(evidence):
        return None
    sentence = speaker.lasted(manifest.since - off, evidence.seen_at)
    if abs(off) <= timedelta(seconds=CLOCK_LEEWAY_S):
        return sentence
    return f"{sentence} " + speaker.say(
        N_("The clock of the box stood at %(told)s; the times here are put right by the centre's."), told=told
    )


def picture_view(exhibit: Exhibit, row: CaseRow, actor: Actor, speaker: Speaker) -> PictureView:
    manifest = exhibit.manifest
    window = close_up(manifest.boxes, manifest.frame_width, manifest.frame_height, _CROP_ASPECT)
    drawn = {box.kind for box in manifest.boxes if not box.violating}
    legend = [LegendItem("violating", speaker.say(N_("What this is about")))] if window else []
    legend += [LegendItem(f"kind-{kind}", speaker.say(BOX_KINDS[kind])) for kind in BOX_KINDS if kind in drawn]
    return PictureView(
        url=picture_url(exhibit),
        alt=speaker.say(N_("%(camera)s at %(at)s: %(title)s"), camera=row.camera, at=row.captured.full, title=row.title),
        width=manifest.frame_width, height=manifest.frame_height, boxes=[box_view(box) for box in manifest.boxes], legend=legend,
        crop=window.view_box if window else None, is_blurred=not exhibit.is_in_review and not exhibit.reason,
        is_all_hidden=is_of_another(exhibit.evidence),
        reason=exhibit.reason, ask_url=row.url if actor.may(Permission.EVIDENCE_READ) and not exhibit.is_in_review else None,
    )


def clip_view(evidence: Evidence, is_in_review: bool, reason: str, speaker: Speaker) -> ClipView | None:
    """`reason` as in `Exhibit`."""
    if is_of_another(evidence):
        return None  # a box of the shop's own sends none
    if evidence.clip is None:
        awaited = N_("The clip has not arrived yet. The edge box sends it after the picture; look again in a moment.")
        return ClipView(None, None, [speaker.say(awaited)])
    manifest, say = clip_of(evidence.clip), speaker.say
    if manifest.missing is not None:
        return ClipView(None, None, [say(N_("There is no clip: %(why)s."), why=say(CLIP_FLAWS[manifest.missing]))])
    sentences = [
        say(
            N_("%(seconds)s s of the camera's own video, unchanged; the moment of the picture is at %(moment)s s."),
            seconds=f"{manifest.duration_s:.1f}", moment=f"{manifest.moment_s:.1f}",
        )
    ]
    if manifest.begins_late is not None:
        sentences.append(say(N_("It begins late: %(why)s."), why=say(CLIP_FLAWS[manifest.begins_late])))
    if manifest.ends_early is not None:
        sentences.append(say(N_("It ends early: %(why)s."), why=say(CLIP_FLAWS[manifest.ends_early])))
    url = _with_faces(evidence, is_in_review, reason, CLIP)
    if url is None:
        sentences.append(say(N_("Faces can be seen in it, so it is shown only with the original picture, for a reason.")))
    if manifest.codec == "h264" or url is None:
        return ClipView(url, None, sentences)
    sentences.append(
        say(N_("Browsers do not play H.265: you see a smaller preview, which is no evidence and takes some seconds at first."))
    )
    return ClipView(_with_faces(evidence, is_in_review, reason, PREVIEW), url, sentences)


def box_view(box: MarkedBox) -> BoxView:
    x1, y1, x2, y2 = (round(value) for value in box.box)
    return BoxView(box.kind, x1, y1, x2 - x1, y2 - y1, box.violating)
