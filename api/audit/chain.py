"""The hash chains of the audit, and their check, which needs no database.

An entry's digest is the SHA-256 of its canonical form (RFC 8785), which names its chain, its place there and the digest of the
entry before it. So an entry that was changed no longer gives its digest, one that was taken out leaves a gap, and where somebody
went on from an older entry, one place holds two: a fork.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from api.kit.times import in_shop_time

FIRST = "0" * 64
# Of what concerns no district: accounts, districts, keys.
CENTRE = "centre"


class ChainedEntry(BaseModel):
    """One line of an export."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    chain: str
    sequence: int = Field(ge=1)
    previous: str
    digest: str
    id: int
    at: AwareDatetime
    actor_kind: str
    actor_id: str
    actor_name: str
    unit: str | None
    address: str | None
    action: str
    object_kind: str
    object_id: str
    reason: str | None
    detail: dict[str, Any]

    def true_digest(self) -> str:
        return hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json", exclude={"digest"}))).hexdigest()


class Stretch(BaseModel):
    """The part of a chain that is there: from `first` to `last`, which has the digest."""

    model_config = ConfigDict(extra="forbid")

    chain: str
    name: str
    first: int
    last: int
    digest: str


class ExportHead(BaseModel):
    """The first line of an export."""

    model_config = ConfigDict(extra="forbid")

    format: int = Field(1, ge=1, le=1)
    centre: str
    exported_at: AwareDatetime
    stretches: list[Stretch]


@dataclass(frozen=True, slots=True)
class Link:
    """What the check keeps of an entry."""

    previous: str
    digest: str
    holds: bool
    words: str

    @classmethod
    def of(cls, entry: ChainedEntry) -> Self:
        try:
            holds = entry.true_digest() == entry.digest
        except (rfc8785.CanonicalizationError, UnicodeError):
            holds = False
        at = f"{in_shop_time(entry.at):%Y-%m-%d %H:%M:%S}"
        return cls(entry.previous, entry.digest, holds, f"{entry.action} by {entry.actor_name}, {at}")


@dataclass
class Source:
    """A database or an export, read entry by entry. `stretches` is what it says itself that it holds."""

    name: str
    stretches: dict[str, Stretch] = field(default_factory=dict)
    links: dict[str, dict[int, Link]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, entry: ChainedEntry) -> None:
        link, places = Link.of(entry), self.links.setdefault(entry.chain, {})
        known = places.setdefault(entry.sequence, link)
        if known.digest != link.digest:
            name = self.name_of(entry.chain)
            self.problems.append(f"{name}: No. {entry.sequence} is there twice, as {known.words}, and as {link.words}: a fork.")

    def name_of(self, chain: str) -> str:
        return self.stretches[chain].name if chain in self.stretches else chain

    def span(self, chain: str) -> str:
        places = self.links[chain]
        return f"{self.name_of(chain)}: {len(places)} entries, No. {min(places)} to {max(places)}"


def read_export(name: str, lines: Iterable[bytes]) -> Source:
    """A line that cannot be read is a problem of the source, never an error."""
    source, numbered = Source(name), enumerate(lines, 1)
    _, first = next(numbered, (1, b""))
    try:
        head = ExportHead.model_validate_json(first)
    except ValidationError:
        source.problems.append("Line 1 is not the head of an export of this audit: the file is another one, or damaged.")
        return source
    source.stretches = {stretch.chain: stretch for stretch in head.stretches}
    for number, line in numbered:
        try:
            source.add(ChainedEntry.model_validate_json(line))
        except ValidationError:
            source.problems.append(f"Line {number} is not an entry of an audit: it was changed, or the file is damaged.")
    return source


def problems_of(source: Source) -> list[str]:
    """What does not hold in one source, in sentences."""
    found = list(source.problems)
    for chain in source.stretches.keys() | source.links.keys():
        found += (f"{source.name_of(chain)}: {problem}" for problem in _problems_of_chain(source, chain))
    return found


def _problems_of_chain(source: Source, chain: str) -> Iterator[str]:
    places, stretch = source.links.get(chain, {}), source.stretches.get(chain)
    if stretch is None:
        yield f"{len(places)} entries are there although the source does not name this chain: they were added."
        stretch = Stretch(chain=chain, name=chain, first=min(places), last=max(places), digest=places[max(places)].digest)
    before: Link | None = None
    expected = stretch.first
    for place in sorted(places):
        link = places[place]
        if place > expected:
            yield f"{_numbers(expected, place - 1)} missing: removed."
            before = None
        if not link.holds:
            yield f"No. {place} ({link.words}) was changed after it was written."
        if place == 1 and link.previous != FIRST:
            yield f"No. 1 ({link.words}) names an entry before it: the beginning of the chain was removed."
        if before is not None and link.previous != before.digest:
            yield f"No. {place} ({link.words}) was written after another No. {place - 1} than the one here: one was replaced."
        before, expected = link, place + 1
    if expected <= stretch.last:
        yield f"{_numbers(expected, stretch.last)} missing at the end: removed."
    elif expected > stretch.last + 1:
        yield f"{_numbers(stretch.last + 1, expected - 1)} too many: added past the end that was recorded."
    elif places and places[stretch.last].digest != stretch.digest:
        yield f"No. {stretch.last} ({places[stretch.last].words}) is not the one that was recorded as the last: it was replaced."


def differences(source: Source, other: Source, *, is_whole: bool) -> Iterator[str]:
    """Where two sources tell different stories. `is_whole` says that `source` should hold all that `other` does."""
    for chain, places in other.links.items():
        here, missing = source.links.get(chain, {}), 0
        for place, link in sorted(places.items()):
            if place not in here:
                missing += 1
            elif here[place].digest != link.digest:
                yield (
                    f"{other.name_of(chain)}: No. {place} is {here[place].words} in {source.name}, and {link.words} in "
                    f"{other.name}: a fork, one of the two was rewritten."
                )
                break  # whatever follows differs too
        if missing and is_whole:
            yield f"{other.name_of(chain)}: {missing} entries of {other.name} are no longer in {source.name}: removed."


def _numbers(first: int, last: int) -> str:
    return f"No. {first} is" if first == last else f"No. {first} to {last} are"
