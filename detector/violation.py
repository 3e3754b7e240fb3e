"""What the rules tell of."""

from dataclasses import dataclass
from datetime import datetime

from contract.catalogue import Rule
from contract.evidence import AttributeVotes
from detector.boxes import Box
from detector.observation import Person


@dataclass(frozen=True, slots=True)
class Repeat:
    """A rule was told of for this spot, and is not told again there until `until` (UTC).

    `spot` is a box in shares of the picture's width and height: a stream's size may change.
    """

    rule: str
    spot: Box
    until: datetime


@dataclass(frozen=True, slots=True)
class Violation:
    """`since_s` (camera's time) and `since` (wall clock) are of the first look that counted; `box` is where the person is."""

    rule: Rule
    track: int
    since_s: float
    since: datetime
    votes: AttributeVotes
    box: Box
    person: Person
    repeat: Repeat
