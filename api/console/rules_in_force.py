"""Which rules a camera is watched for, and which not and why, in words."""

from dataclasses import dataclass

from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.words import Chip
from contract.catalogue import AreaKind, Catalogue, Post, Rule


@dataclass(frozen=True)
class RuleInForce:
    """`why_not` says why a rule is not in force; severity and `after` (how soon it is reported) are of one that is."""

    code: str
    name: str
    severity: Chip | None
    after: str | None
    why_not: str | None


_WHY_NOT_POST: dict[Post, str] = {
    Post.GLOVES_REQUIRED: N_("only where gloves are marked as required"),
    Post.MASK_REQUIRED: N_("only where masks are marked as required"),
}


def rules_view(catalogue: Catalogue, area: AreaKind, posts: frozenset[Post], speaker: Speaker) -> list[RuleInForce]:
    """Rules that a model of ours can see: those in force first."""
    in_force = catalogue.in_force(area, posts)
    seen = [rule for rule in catalogue.rules if rule.available]
    rows = [
        RuleInForce(rule.code, speaker.choose(rule.name), speaker.severity(rule.severity_at(area)), _after(rule, speaker), None)
        for rule in in_force
    ]
    return rows + [
        RuleInForce(rule.code, speaker.choose(rule.name), None, None, speaker.say(_why_not(rule, area, posts)))
        for rule in seen
        if rule not in in_force
    ]


def _after(rule: Rule, speaker: Speaker) -> str:
    return speaker.say(N_("reported after %(seconds)s seconds"), seconds=f"{rule.hold_s:g}")


def _why_not(rule: Rule, area: AreaKind, posts: frozenset[Post]) -> str:
    if not rule.default_on:
        return N_("switched off in the rule catalogue")
    for place in rule.where:
        if area in place.areas and place.post is not None and place.post not in posts:
            return _WHY_NOT_POST[place.post]
    return N_("not in this kind of area")
