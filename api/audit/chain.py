"""The hash chains of the audit, and their check, which needs no database.

An entry's digest is the SHA-256 of its canonical form (RFC 8785), which names its chain, its place there and the digest of the
entry before it. So an entry that was changed no longer gives its digest, one that was taken out leaves a gap, and where somebody
went on from an older entry, one place holds two: a fork.
"""

import hashlib
import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Self

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from api.kit.times import in_shop_time
from contract.findings import Finding, bad, good

FIRST = "0" * 64
# Of what concerns no district: accounts, districts, keys.
CENTRE = "centre"


class ChainedEntry(BaseModel):
    """One line of an export."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    chain: str
    sequence: int = Field(ge=1, lt=2**63)
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


class Link(NamedTuple):
    """What the check keeps of an entry. `words` are of no language."""

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
        return cls(entry.previous, entry.digest, holds, f"{at}, {entry.actor_name}, {entry.action}")


class Source:
    """A database or an export, read entry by entry. `stretches` is what it says itself that it holds.

    Its links lie in a file of SQLite's own, which is gone with the source: years of a county's acts need not fit into memory.
    """

    def __init__(self, name: str, stretches: Iterable[Stretch] = ()) -> None:
        self.name = name
        self.stretches = {stretch.chain: stretch for stretch in stretches}
        self.problems: list[Finding] = []
        self._links = sqlite3.connect("")
        weakref.finalize(self, self._links.close)
        columns = "chain TEXT, place INTEGER, previous TEXT, digest TEXT, holds INTEGER, words TEXT, PRIMARY KEY (chain, place)"
        self._links.execute(f"CREATE TABLE links ({columns}) WITHOUT ROWID")

    def add(self, entry: ChainedEntry) -> None:
        link, at = Link.of(entry), (entry.chain, entry.sequence)
        if self._links.execute("INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?, ?, ?)", at + link).rowcount:
            return
        known = self.link(*at)
        if known is not None and known.digest != link.digest:
            self.problems.append(bad(
                self.name_of(entry.chain),
                f"No. {entry.sequence} is there twice, as ({known.words}), and as ({link.words}): a fork.",
                f"第 {entry.sequence} 条出现两次，（{known.words}）和（{link.words}）：记录链分叉。",
            ))

    def chains(self) -> list[str]:
        """Of which there is any link."""
        return [chain for chain, in self._links.execute("SELECT DISTINCT chain FROM links ORDER BY chain")]

    def links(self, chain: str) -> Iterator[tuple[int, Link]]:
        """With their places, in order."""
        query = "SELECT place, previous, digest, holds, words FROM links WHERE chain = ? ORDER BY place"
        for place, *link in self._links.execute(query, (chain,)):
            yield place, Link(*link)

    def link(self, chain: str, place: int) -> Link | None:
        query = "SELECT previous, digest, holds, words FROM links WHERE chain = ? AND place = ?"
        found = self._links.execute(query, (chain, place)).fetchone()
        return found and Link(*found)

    def reach(self, chain: str) -> tuple[int, int, int]:
        """How many links there are, the first place and the last."""
        query = "SELECT count(*), min(place), max(place) FROM links WHERE chain = ?"
        count, first, last = self._links.execute(query, (chain,)).fetchone()
        return count, first, last

    def name_of(self, chain: str) -> str:
        return self.stretches[chain].name if chain in self.stretches else chain

    def span(self, chain: str) -> Finding:
        count, first, last = self.reach(chain)
        return good(self.name_of(chain), f"{count} entries, No. {first} to {last}.", f"{count} 条，第 {first} 至 {last} 条。")


def read_export(name: str, lines: Iterable[bytes]) -> Source:
    """A line that cannot be read is a problem of the source, never an error."""
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (1, b""))
    try:
        source = Source(name, ExportHead.model_validate_json(first).stretches)
    except ValidationError:
        source = Source(name)
        source.problems.append(bad(
            name, "Line 1 is not the head of an export of this audit: the file is another one, or damaged.",
            "第 1 行不是审计导出文件的开头：文件不对，或已损坏。",
        ))
        return source
    for number, line in numbered:
        try:
            source.add(ChainedEntry.model_validate_json(line))
        except ValidationError:
            source.problems.append(bad(
                name, f"Line {number} is not an entry of an audit: it was changed, or the file is damaged.",
                f"第 {number} 行不是审计记录：已被改动，或文件损坏。",
            ))
    return source


def problems_of(source: Source) -> list[Finding]:
    """What does not hold in one source."""
    found = list(source.problems)
    for chain in sorted(source.stretches.keys() | set(source.chains())):
        found += (bad(source.name_of(chain), en, zh) for en, zh in _problems_of_chain(source, chain))
    return found


def _problems_of_chain(source: Source, chain: str) -> Iterator[tuple[str, str]]:
    """In English and in Chinese."""
    stretch = source.stretches.get(chain)
    if stretch is None:
        count, first, last = source.reach(chain)
        yield (
            f"{count} entries are there although the source does not name this chain: they were added.",
            f"有 {count} 条记录，但来源没有列出这条链：是后来加入的。",
        )
        stretch = Stretch(chain=chain, name=chain, first=first, last=last, digest="")
    before: Link | None = None
    expected = stretch.first
    for place, link in source.links(chain):
        if place > expected:
            yield f"{_numbers(expected, place - 1)} missing: removed.", f"缺少{_in_chinese(expected, place - 1)}：已被删除。"
            before = None
        if not link.holds:
            yield f"No. {place} ({link.words}) was changed after it was written.", f"第 {place} 条（{link.words}）写入后被改动。"
        if place == 1 and link.previous != FIRST:
            yield (
                f"No. 1 ({link.words}) names an entry before it: the beginning of the chain was removed.",
                f"第 1 条（{link.words}）之前还有记录：链的开头已被删除。",
            )
        if before is not None and link.previous != before.digest:
            yield (
                f"No. {place} ({link.words}) was written after another No. {place - 1} than the one here: one was replaced.",
                f"第 {place} 条（{link.words}）写在另一条第 {place - 1} 条之后，不是现在这一条：其中一条被换过。",
            )
        before, expected = link, place + 1
    if expected <= stretch.last:
        yield (
            f"{_numbers(expected, stretch.last)} missing at the end: removed.",
            f"末尾缺少{_in_chinese(expected, stretch.last)}：已被删除。",
        )
    elif expected > stretch.last + 1:
        yield (
            f"{_numbers(stretch.last + 1, expected - 1)} too many: added past the end that was recorded.",
            f"多出{_in_chinese(stretch.last + 1, expected - 1)}：加在所记的末尾之后。",
        )
    elif before is not None and chain in source.stretches and before.digest != stretch.digest:
        words = before.words
        yield (
            f"No. {stretch.last} ({words}) is not the one that was recorded as the last: it was replaced.",
            f"第 {stretch.last} 条（{words}）不是所记的最后一条：已被换过。",
        )


def differences(source: Source, other: Source, *, is_whole: bool) -> Iterator[Finding]:
    """Where two sources tell different stories. `is_whole` says that `source` should hold all that `other` does."""
    for chain in other.chains():
        missing = 0
        for place, link in other.links(chain):
            here = source.link(chain, place)
            if here is None:
                missing += 1
            elif here.digest != link.digest:
                yield bad(
                    other.name_of(chain),
                    f"No. {place} is ({here.words}) in {source.name}, and ({link.words}) in {other.name}: a fork, one of "
                    "the two was rewritten.",
                    f"第 {place} 条在 {source.name} 中是（{here.words}），在 {other.name} 中是（{link.words}）：分叉，"
                    "其中一份被重写过。",
                )
                break  # whatever follows differs too
        if missing and is_whole:
            yield bad(
                other.name_of(chain), f"{missing} entries of {other.name} are no longer in {source.name}: removed.",
                f"{other.name} 中的 {missing} 条已不在 {source.name} 中：已被删除。",
            )


def _numbers(first: int, last: int) -> str:
    return f"No. {first} is" if first == last else f"No. {first} to {last} are"


def _in_chinese(first: int, last: int) -> str:
    return f"第 {first} 条" if first == last else f"第 {first} 至 {last} 条"
