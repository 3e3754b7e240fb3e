"""Who takes part: the funnel from the shops that are entered to those whose kitchens can be seen, by station, and what keeps the
others out."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api.accounts.actors import Actor
from api.accounts.dependencies import SignedIn
from api.accounts.permissions import Permission
from api.console.i18n import N_
from api.console.rendering import page, speaker_of
from api.console.speech import Speaker
from api.console.views import Link, Option
from api.console.words import Chip, Tone
from api.coverage import service as coverage
from api.coverage.schemas import Counts, NotIn, Obstacle, Reached
from api.kit.cursors import decode_text, encode_cursor
from api.kit.work import At, Reading

router = APIRouter()

_PAGE = 50

_STAGES: dict[Reached, str] = {
    Reached.ENTERED: N_("Licensed, entered here"),
    Reached.INVITED: N_("Invited"),
    Reached.CONNECTED: N_("Camera connected"),
    Reached.ACTIVE: N_("Active"),
}

_STOPPED: dict[Reached | None, str] = {
    None: N_("All who are not in"),
    Reached.ENTERED: N_("Not invited"),
    Reached.INVITED: N_("Invited, not connected"),
    Reached.CONNECTED: N_("Connected, not active"),
}

# In a few words; what to do next.
_OBSTACLES: dict[Obstacle, tuple[Tone, str]] = {
    Obstacle.NOT_INVITED: (Tone(N_("Not invited"), "minor"), N_("Invite the owner or the person in charge of food safety.")),
    Obstacle.INVITATION_OPEN: (
        Tone(N_("Invited, has not answered"), "wait"), N_("Invited at %(at)s. Call them, or send the link again.")
    ),
    Obstacle.INVITATION_OVER: (
        Tone(N_("Invitation has run out"), "bad"), N_("Invited at %(at)s, and the link was not used in time. Invite them again.")
    ),
    Obstacle.NO_BOX: (Tone(N_("No edge box"), "wait"), N_("Enrol an edge box at the shop; an old PC will do.")),
    Obstacle.BOX_WAITS: (
        Tone(N_("Edge box waits for approval"), "wait"),
        N_("Somebody who answers for the shop approves the box, if they know of it."),
    ),
    Obstacle.NO_CAMERA: (Tone(N_("No camera"), "wait"), N_("Add the camera of a place where food is prepared.")),
    Obstacle.BOX_NEVER_SEEN: (
        Tone(N_("Edge box was never heard from"), "bad"), N_("Start the edge box, and check that it reaches the Internet.")
    ),
    Obstacle.BOX_SILENT: (
        Tone(N_("No word from the edge box"), "bad"), N_("Last heard from at %(at)s. Check its power and its network.")
    ),
    Obstacle.CAMERA_DOWN: (
        Tone(N_("A camera cannot be looked at"), "bad"), N_("“%(camera)s”: its page says why, and what to do.")
    ),
    Obstacle.NOT_ACCEPTED: (
        Tone(N_("Connection not accepted yet"), "wait"),
        N_("Its cameras are being looked at. An officer sees that they show what they should, and accepts the connection."),
    ),
    Obstacle.TOO_LITTLE: (
        Tone(N_("Kitchen often out of view"), "wait"),
        N_("Its cameras were looked at in %(share)s of the minutes in which they should be."),
    ),
}


@dataclass(frozen=True)
class Bar:
    """`width` is in percent of the first; `share` in words of it."""

    words: str
    number: int
    width: float
    share: str


@dataclass(frozen=True)
class StationRow:
    name: str
    url: str
    counts: Counts
    share: str


@dataclass(frozen=True)
class NotInRow:
    shop: str
    station: str
    state: Chip
    todo: str
    act: Link | None


@router.get("/cameras/coverage")
async def coverage_page(
    request: Request, actor: SignedIn, work: Reading, at: At, station: str = "", reached: Reached | None = None,
    cursor: str | None = None,
) -> Response:
    speaker = speaker_of(request)
    counted = await coverage.count_by_station(work, actor, at)
    reached = None if reached is Reached.ACTIVE else reached
    found = await coverage.list_not_in(
        work, actor, at, reached=reached, district_id=station or None, after=decode_text(cursor), limit=_PAGE + 1
    )
    chosen = [counts for district, counts in counted if station in ("", district.id)]
    total = sum(chosen, Counts(0, 0, 0, 0, 0))
    following = encode_cursor(found[_PAGE - 1].shop.id) if len(found) > _PAGE else None
    return page(
        request, "coverage.html", actor=actor, bars=_bars(total, speaker), total=total,
        stations=[
            StationRow(district.name, _url(district.id, None), counts, _share(counts.active, counts.entered))
            for district, counts in counted
        ],
        total_share=_share(total.active, total.entered), station=station, reached=reached.value if reached else "",
        options=[Option(district.id, district.name) for district, _ in counted],
        tabs=[Link(_url(station, one), speaker.say(words), one is reached) for one, words in _STOPPED.items()],
        rows=[_row(one, actor, speaker) for one in found[:_PAGE]], may_add_shop=actor.may(Permission.PLACES_WRITE),
        first_url=_url(station, reached) if cursor else None,
        next_url=_url(station, reached, following) if following else None,
    )


def _bars(total: Counts, speaker: Speaker) -> Sequence[Bar]:
    numbers = (total.entered, total.invited, total.connected, total.active)
    return [
        Bar(speaker.say(words), number, 100 * number / (total.entered or 1), _share(number, total.entered))
        for words, number in zip(_STAGES.values(), numbers, strict=True)
    ]


def _share(number: int, of: int) -> str:
    return f"{number / of:.0%}" if of else "–"


def _row(one: NotIn, actor: Actor, speaker: Speaker) -> NotInRow:
    tone, todo = _OBSTACLES[one.obstacle]
    words = speaker.say(
        todo, at=speaker.time(one.since).short if one.since else "", camera=one.camera.name if one.camera else "",
        share="–" if one.share is None else f"{one.share:.0%}",
    )
    return NotInRow(one.shop.name, one.shop.district.name, speaker.chip(tone), words, _act(one, actor, speaker))


def _act(one: NotIn, actor: Actor, speaker: Speaker) -> Link | None:
    """Where the next thing is done, for who may do it."""
    status, boxes = f"/shops/{one.shop.id}/status", "/edge-boxes"
    place = urlencode({"place": f"shop:{one.shop.id}"})
    invite = (Permission.ACCOUNTS_WRITE, f"/invitations/new?{place}", N_("Invite"))
    look = (Permission.EDGES_READ, boxes, N_("See the edge boxes"))
    acts: dict[Obstacle, tuple[Permission, str, str]] = {
        Obstacle.NOT_INVITED: invite,
        Obstacle.INVITATION_OPEN: (Permission.ACCOUNTS_WRITE, "/accounts", N_("See the invitations")),
        Obstacle.INVITATION_OVER: invite,
        Obstacle.NO_BOX: (Permission.EDGES_WRITE, "/edge-boxes/new", N_("Enrol an edge box")),
        Obstacle.BOX_WAITS: look,
        Obstacle.NO_CAMERA: (Permission.CAMERAS_WRITE, "/cameras/new", N_("Add a camera")),
        Obstacle.BOX_NEVER_SEEN: look,
        Obstacle.BOX_SILENT: look,
        Obstacle.CAMERA_DOWN: (
            Permission.CAMERAS_READ, f"/cameras/{one.camera.id if one.camera else ''}", N_("See the camera")
        ),
        Obstacle.NOT_ACCEPTED: (Permission.PLACES_READ, status, N_("See its status")),
        Obstacle.TOO_LITTLE: (Permission.PLACES_READ, status, N_("See its status")),
    }
    permission, url, words = acts[one.obstacle]
    return Link(url, speaker.say(words)) if actor.may(permission) else None


def _url(station: str, reached: Reached | None, cursor: str | None = None) -> str:
    asked = {"station": station, "reached": reached.value if reached else "", "cursor": cursor or ""}
    told = {name: value for name, value in asked.items() if value}
    return f"/cameras/coverage?{urlencode(told)}" if told else "/cameras/coverage"
