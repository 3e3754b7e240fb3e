"""Parts of many pages: plain values, already in the reader's language. What one page alone shows stands beside what makes it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    url: str
    words: str
    current: bool = False


@dataclass(frozen=True)
class Option:
    value: str
    words: str


@dataclass(frozen=True)
class Fact:
    name: str
    value: str
