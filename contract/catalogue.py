"""The rule catalogue: which item is required where, for how long a breach must last, and on what legal basis.

Policy is data: `configs/rules.yaml` holds the rules, this module holds their form. Every violation names the version of the
catalogue that made it.
"""

import hashlib
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import Field, model_validator

from contract.base import Wire
from contract.yaml_text import parse


class AreaKind(StrEnum):
    """The nine kinds of area of 餐饮服务食品安全操作规范 (2018), section 2."""

    SPECIAL_ROOM = "special_room"  # 专间
    SPECIAL_AREA = "special_area"  # 专用操作区
    COOKING = "cooking"  # 烹饪区
    UTENSIL_STORAGE = "utensil_storage"  # 餐用具保洁区
    ROUGH_PROCESSING = "rough_processing"  # 粗加工制作区
    CUTTING = "cutting"  # 切配区
    UTENSIL_WASHING = "utensil_washing"  # 餐用具清洗消毒区
    DINING = "dining"  # 就餐区
    AUXILIARY = "auxiliary"  # 辅助区


class Post(StrEnum):
    """What a shop or station has marked about the work that a camera sees."""

    GLOVES_REQUIRED = "gloves_required"  # 手套必戴
    MASK_REQUIRED = "mask_required"  # 备餐 and the other listed work of a 专用操作区


class Text(Wire):
    """A text in both languages of the product."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class LegalBasis(Wire):
    """One line of the legal basis: `says` whether it is the rule that was broken or what follows from that. `clause` is null
    where its number is not known; `verified` is false where only a memory of the text is at hand, not the text itself."""

    source: str
    clause: str | None
    says: Literal["rule", "consequence"]
    verified: bool

    @property
    def text(self) -> str:
        return self.source + (self.clause or "")


class Place(Wire):
    """Where a rule is in force: in any of these areas and, if `post` is given, only at posts so marked."""

    areas: frozenset[AreaKind]
    post: Post | None = None


class Sign(Wire):
    """What a look must show to count as violating: `attribute` in one of `states`."""

    attribute: Literal["cap", "mask", "glove", "smoking"]
    states: frozenset[Literal["missing", "wrong", "yes"]]


class Deadline(Wire):
    """Time to rectify. `record`: the case is recorded only; `at_once`: no waiting at all."""

    amount: int = Field(ge=0)
    unit: Literal["hours", "days", "working_days", "record", "at_once"]


RuleCode = Annotated[str, Field(pattern=r"^[KVL]\d{2}$")]
Severity = Annotated[int, Field(ge=1, le=3, description="1 serious (严重), 2 fairly serious (较重), 3 minor (一般)")]


class Rule(Wire):
    code: RuleCode
    key: str = Field(pattern=r"^[A-Z_]+$")
    name: Text
    seen: Text = Field(description="what was seen, in a sentence for the shop")
    to_do: Text = Field(description="what the shop is asked to do")
    why: Text | None = Field(None, description="what that is good for, in a sentence for a cook")
    basis: list[LegalBasis]
    where: list[Place]
    severity: Severity
    severity_in: dict[AreaKind, Severity] = Field(default_factory=dict)
    hold_s: float = Field(gt=0)
    repeat_s: float = Field(gt=0)
    deadline: Deadline
    available: bool = Field(description="a model of ours can see it")
    default_on: bool = True
    sign: Sign | None = None
    min_sure_looks: int = Field(3, ge=1)
    min_sure_share: float = Field(0.5, ge=0, le=1, description="of all looks over the hold time")
    min_violating_share: float = Field(0.7, ge=0, le=1, description="of the sure looks")

    @model_validator(mode="after")
    def _what_is_available_has_a_sign(self) -> Self:
        if self.available != (self.sign is not None):
            raise ValueError(f"rule {self.code}: `available: true` and `sign` go together")
        return self

    def applies(self, area: AreaKind, posts: frozenset[Post]) -> bool:
        return any(area in place.areas and (place.post is None or place.post in posts) for place in self.where)

    def severity_at(self, area: AreaKind) -> int:
        return self.severity_in.get(area, self.severity)


class Catalogue(Wire):
    title: str
    order_basis: list[LegalBasis] = Field(default=[], description="on which any order to correct rests (责令改正通知书)")
    rules: list[Rule]

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        codes = [rule.code for rule in self.rules]
        if len(codes) != len(set(codes)):
            raise ValueError("two rules of the catalogue have the same code")
        return self

    @property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 of the catalogue's canonical form (RFC 8785)."""
        return hashlib.sha256(rfc8785.dumps(_sorted(self.model_dump(mode="json")))).hexdigest()[:12]

    def rule(self, code: str) -> Rule:
        """Raises KeyError for an unknown code."""
        for rule in self.rules:
            if rule.code == code:
                return rule
        raise KeyError(code)

    def in_force(self, area: AreaKind, posts: frozenset[Post]) -> list[Rule]:
        """The rules that a camera in this area can report: seen by a model of ours, on, and applying here."""
        return [rule for rule in self.rules if rule.available and rule.default_on and rule.applies(area, posts)]


class CatalogueError(ValueError):
    """A rule catalogue that cannot be used; the message names the file and the field."""


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read a catalogue (YAML); without a path, the one that is shipped. Raises CatalogueError."""
    source = path if path is not None else files("configs") / "rules.yaml"
    try:
        document = parse(source.read_text(encoding="utf-8"))
        if isinstance(document, dict):
            document.pop("anchors", None)  # YAML anchors that rules refer to; no rules themselves
        return Catalogue.model_validate(document)
    except (OSError, ValueError) as error:
        raise CatalogueError(f"The rule catalogue {source} cannot be used: {error}") from error


def _sorted(value: Any) -> Any:
    """Sets dump in arbitrary order: lists of plain words are sorted, so that equal catalogues have equal versions."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_sorted(item) for item in value]
        return sorted(items) if items and all(isinstance(item, str) for item in items) else items
    return value
