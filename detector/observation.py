"""What one look at one picture shows. Boxes are x1, y1, x2, y2 in pixels of the original picture."""

from dataclasses import dataclass, field, replace
from typing import Literal

from contract.evidence import MarkedBox
from detector.boxes import Box, centre_inside, square_around

# A cigarette between puffs is up to a head's width away from the head.
MOUTH_REACH = 3.0
# It sticks out of the hand that holds it by half of the hand's length at most.
HAND_REACH = 2.0
AttributeName = Literal["cap", "mask", "smoking", "glove"]
# What is read from a crop of each.
OF_HEADS: frozenset[AttributeName] = frozenset({"cap", "mask", "smoking"})
OF_HANDS: frozenset[AttributeName] = frozenset({"glove", "smoking"})
State = Literal["worn", "missing", "wrong", "yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """`state` as far as it can be told; `score` is the probability that it violates, given in every state."""

    state: State
    score: float


@dataclass(frozen=True, slots=True)
class Head:
    """The whole head with hair and cap, and what was read from it."""

    box: Box
    score: float
    cap: Attribute
    mask: Attribute
    smoking: Attribute


@dataclass(frozen=True, slots=True)
class Hand:
    box: Box
    score: float
    glove: Attribute
    smoking: Attribute
    """whether the hand holds a cigarette"""


@dataclass(frozen=True, slots=True)
class Person:
    """One person, or (`box` and `score` None) a head or hand that belongs to no person that was found."""

    box: Box | None
    score: float | None
    head: Head | None = None
    hands: tuple[Hand, ...] = ()
    track: int | None = None

    def attribute(self, name: AttributeName) -> Attribute | None:
        """What this look says; None if the head or the hands were not found. Of two hands, the one that violates more surely.

        A cigarette in a hand is smoking, whatever the mouth says or nobody can see of it; a hand without one says nothing.
        """
        if name == "glove":
            told = [hand.glove for hand in self.hands if hand.glove.state != "unknown"]
            return max(told or [hand.glove for hand in self.hands], key=lambda glove: glove.score, default=None)
        if name == "smoking":
            told = [hand.smoking for hand in self.smoking_hands()]
            told += [self.head.smoking] if self.head else []
            yes = [smoking for smoking in told if smoking.state == "yes"]
            return max(yes or told, key=lambda smoking: smoking.score, default=None)
        if self.head is None:
            return None
        return self.head.cap if name == "cap" else self.head.mask

    def smoking_hands(self) -> tuple[Hand, ...]:
        """Those that hold a cigarette. Who wears a mask does not smoke: what is like one in that hand is a tool."""
        if self.head is not None and self.head.mask.state == "worn":
            return ()
        return tuple(hand for hand in self.hands if hand.smoking.state == "yes")


@dataclass(frozen=True, slots=True)
class SeenObject:
    name: str
    """the finder's word: `cigarette`, or a class that somebody has taught it besides"""
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one picture shows."""

    width: int
    height: int
    people: tuple[Person, ...] = ()
    objects: tuple[SeenObject, ...] = field(default=())

    def with_people(self, people: tuple[Person, ...]) -> "Observation":
        return replace(self, people=people)

    def in_shares(self, box: Box) -> Box:
        """A box in shares of the picture's width and height."""
        x1, y1, x2, y2 = box
        return x1 / self.width, y1 / self.height, x2 / self.width, y2 / self.height

    def marked_boxes(self, track: int | None, attribute: AttributeName | None) -> list[MarkedBox]:
        """Every box of the picture, as evidence keeps them; those that show `attribute` on `track` are marked violating.

        Whose cigarette is in the hand is marked at the hand, and at the head only if that smokes too.
        """
        marked: list[MarkedBox] = []
        smokers: list[Box] = []
        for person in self.people:
            guilty = person.track is not None and person.track == track
            if guilty and attribute == "smoking" and person.head is not None:
                smokers.append(square_around(person.head.box, MOUTH_REACH))
            if person.box is not None and person.score is not None:
                marked.append(_marked("person", person.box, person.score, False))
            if person.head is not None:
                holds = attribute == "smoking" and person.smoking_hands()
                shows = guilty and attribute != "glove" and (not holds or person.head.smoking.state == "yes")
                marked.append(_marked("head", person.head.box, person.head.score, shows))
            for hand in person.hands:
                if guilty and attribute == "smoking":
                    smokers.append(square_around(hand.box, HAND_REACH))
                shows = guilty and (
                    (attribute == "glove" and hand.glove.state == "missing")
                    or (attribute == "smoking" and hand in person.smoking_hands())
                )
                marked.append(_marked("hand", hand.box, hand.score, shows))
        for seen in self.objects:
            if seen.name == "cigarette":
                theirs = any(centre_inside(seen.box, smoker) for smoker in smokers)
                marked.append(_marked("cigarette", seen.box, seen.score, theirs))
        return marked

    def as_json(self) -> dict[str, object]:
        """The picture's part of a line of `sunshine detect --json`."""
        return {
            "width": self.width,
            "height": self.height,
            "people": [_person_json(person) for person in self.people],
            "objects": [{"class": o.name, "box": _rounded(o.box), "score": round(o.score, 4)} for o in self.objects],
        }


def _marked(kind: Literal["person", "head", "hand", "cigarette"], box: Box, score: float, violating: bool) -> MarkedBox:
    x1, y1, x2, y2 = _rounded(box)
    return MarkedBox(kind=kind, box=(x1, y1, x2, y2), score=round(score, 4), violating=violating)


def _person_json(person: Person) -> dict[str, object]:
    line: dict[str, object] = {
        "box": None if person.box is None else _rounded(person.box),
        "score": None if person.score is None else round(person.score, 4),
        "track": person.track,
    }
    if person.head is not None:
        line["head"] = {"box": _rounded(person.head.box), "score": round(person.head.score, 4)}
        for name, attribute in (("cap", person.head.cap), ("mask", person.head.mask), ("smoking", person.head.smoking)):
            line[name] = _attribute_json(attribute)
    line["hands"] = [
        {
            "box": _rounded(hand.box),
            "score": round(hand.score, 4),
            "glove": _attribute_json(hand.glove),
            "smoking": _attribute_json(hand.smoking),
        }
        for hand in person.hands
    ]
    return line


def _attribute_json(attribute: Attribute) -> dict[str, object]:
    return {"state": attribute.state, "score": round(attribute.score, 4)}


def _rounded(box: Box) -> list[float]:
    """A tenth of a pixel is finer than any detector's box."""
    return [round(edge, 1) for edge in box]
