"""What to do about a camera that was tried: sentences out of what its edge measured."""

from collections.abc import Iterator
from dataclasses import dataclass

from api.console.i18n import N_
from api.console.speech import Speaker
from contract.faults import LOOK_TEXTS
from contract.trials import Sighting

# docs/model.md: of heads of fewer pixels stage 2 was taught to say "cannot tell"; accuracy is measured from the others on.
LEAST_HEAD_PX, GOOD_HEAD_PX = 15, 32
# Below HD a cigarette is a pixel or two; makers' sub-streams have 352 to 704 pixels, their main streams 1280 and more.
MAIN_WIDTH_PX = 1280
# docs/edge.md: with fewer than one key frame in so many seconds, short rules wait too long for their looks.
MOST_KEY_GAP_S = 3.0
# docs/edge.md: in the demo clip, made darker, burnt out and blurred, states were lost from 10, 0.5 and 2.5 on. It is cleaner than
# a kitchen, hence twice as early.
DARKEST, MOST_BURNT, LEAST_SHARPNESS = 25.0, 0.25, 5.0

_NOBODY = N_(
    "Nobody is seen. Ask somebody to stand where people work, then try again: only then does it show whether heads are large "
    "enough."
)
_MUCH_TOO_SMALL = N_("The smallest head is %(height)s px high. Below %(least)s px nothing can be told of it.")
_TOO_SMALL = N_("The smallest head is %(height)s px high. From %(good)s px on the answers are as sure as they were measured.")
_NEARER = N_("Move the camera nearer, or turn it to where people work.")
_MAIN_OR_NEARER = N_("Choose the main stream below, or move the camera nearer.")
_SUB = N_(
    "This is the small picture (%(width)s × %(height)s), usually the sub-stream. Small things such as a cigarette are not seen "
    "in it: choose the main stream below."
)
_DARK = N_("The picture is too dark (%(level)s of 255). Switch on a light, or raise the exposure in the camera's settings.")
_BRIGHT = N_(
    "%(percent)s percent of the picture is overexposed. Turn the camera away from lamp or window, or switch on backlight "
    "compensation (WDR) in its settings."
)
_BLURRED = N_("The picture is blurred. Clean the lens; if that does not help, set the focus anew.")
_KEY = N_(
    "A key frame comes only every %(seconds)s s. Set the I-frame interval to 1 or 2 s in the camera's settings, and switch "
    "“smart codec” (H.264+, H.265+) off."
)
_ONE_KEY = N_(
    "Only one key frame came in %(seconds)s s. Set the I-frame interval to 1 or 2 s in the camera's settings, and switch "
    "“smart codec” (H.264+, H.265+) off."
)
_DAMAGED = N_("%(count)s pictures came in damaged. Check the cable, or the wireless signal.")
_FINE = N_("All is well: the heads are %(heads)s px high, and %(good)s are enough.")


@dataclass(frozen=True)
class Advice:
    """`tone` is one of the notices': bad, wait or good."""

    tone: str
    sentence: str


def advise(seen: Sighting, speaker: Speaker) -> list[Advice]:
    found = list(_problems(seen, speaker))
    heads = head_heights(seen)
    if not found and heads:
        return [Advice("good", speaker.say(_FINE, heads=span(heads), good=GOOD_HEAD_PX))]
    return found


def head_heights(seen: Sighting) -> list[int]:
    """In pixels of the camera's own picture, the smallest first."""
    return sorted(round(person.head[3] - person.head[1]) for person in seen.people if person.head is not None)


def span(heights: list[int]) -> str:
    return str(heights[0]) if heights[0] == heights[-1] else f"{heights[0]}–{heights[-1]}"


def _problems(seen: Sighting, speaker: Speaker) -> Iterator[Advice]:
    say, is_small = speaker.say, max(seen.width, seen.height) < MAIN_WIDTH_PX
    heads = head_heights(seen)
    if seen.look != "good":
        yield Advice("bad", speaker.choose(LOOK_TEXTS[seen.look]))
    elif seen.brightness < DARKEST:
        yield Advice("bad", say(_DARK, level=round(seen.brightness)))
    elif seen.sharpness < LEAST_SHARPNESS:
        yield Advice("bad", say(_BLURRED))
    if seen.burnt > MOST_BURNT:
        yield Advice("wait", say(_BRIGHT, percent=round(100 * seen.burnt)))
    nearer = say(_MAIN_OR_NEARER if is_small else _NEARER)
    if heads and heads[0] < LEAST_HEAD_PX:
        yield Advice("bad", say(_MUCH_TOO_SMALL, height=heads[0], least=LEAST_HEAD_PX) + " " + nearer)
    elif heads and heads[0] < GOOD_HEAD_PX:
        yield Advice("wait", say(_TOO_SMALL, height=heads[0], good=GOOD_HEAD_PX) + " " + nearer)
    elif is_small:
        yield Advice("wait", say(_SUB, width=seen.width, height=seen.height))
    if not heads and seen.look == "good":
        yield Advice("wait", say(_NOBODY))
    if seen.key_interval_s is None:
        yield Advice("wait", say(_ONE_KEY, seconds=f"{seen.watched_s:g}"))
    elif seen.key_interval_s > MOST_KEY_GAP_S:
        yield Advice("wait", say(_KEY, seconds=f"{seen.key_interval_s:g}"))
    if seen.damaged:
        yield Advice("wait", say(_DAMAGED, count=seen.damaged))
