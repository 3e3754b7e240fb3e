"""The colours of the design system have the contrast that WCAG 2.2 AA asks for, in both schemes."""

import re
from importlib.resources import files

import pytest

STATIC = files("api.console") / "static"
SHEET = (STATIC / "kitchen.css").read_text(encoding="utf-8")
TEXT, CONTROL = 4.5, 3.0  # success criteria 1.4.3 and 1.4.11

PAIRS = [
    *(("ink", ground, TEXT) for ground in ("paper", "surface", "sunken")),
    *(("ink", f"{tone}-back", TEXT) for tone in ("serious", "fairly", "minor", "good")),
    *(("ink-soft", ground, TEXT) for ground in ("paper", "surface", "sunken")),
    *(("link", ground, TEXT) for ground in ("paper", "surface", "good-back")),
    *((tone, f"{tone}-back", TEXT) for tone in ("serious", "fairly", "minor", "good")),
    ("serious", "surface", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-hover", TEXT),
    ("on-bar", "bar", TEXT),
    ("on-bar-soft", "bar", TEXT),
    ("sun", "bar", CONTROL),
    *(("line-strong", ground, CONTROL) for ground in ("paper", "surface", "sunken")),
    *(("focus", ground, CONTROL) for ground in ("paper", "surface", "sunken")),
]


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return {**found, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))} if scheme == "dark" else found


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_contrast(scheme: str, front: str, ground: str, least: float) -> None:
    known = colours(scheme)
    one, other = sorted((luminance(known[front]), luminance(known[ground])), reverse=True)
    assert (one + 0.05) / (other + 0.05) >= least


def test_nothing_comes_from_elsewhere() -> None:
    assert "@import" not in SHEET
    assert "url(" not in SHEET


def test_old_browsers_keep_every_rule() -> None:
    """A young word of a selector drops the whole rule: before Chrome 88 nobody could answer. A young margin drops alone, and
    leaves the page of an inspector out of shape."""
    as_good_without = r"/\*.*?\*/|form:has\(#channel\)[^}]*|\.report \.table:has\S*|@supports [^{]*"
    rules = re.sub(as_good_without, "", SHEET, flags=re.DOTALL)
    assert "phone-camera" in rules
    assert re.findall(r":is\(|:where\(|:has\(|inset:|-(?:inline|block):", rules) == []


@pytest.mark.parametrize("name", sorted(one.name for one in STATIC.iterdir() if one.name.endswith(".js")))
def test_old_browsers_read_every_script(name: str) -> None:
    """One word that they do not know, and they run none of it. The PC of an inspector is as old as a phone."""
    script = (STATIC / name).read_text(encoding="utf-8")
    words = r"\?\.(?!\d)|\?\?|\d_\d|[|&]{2}="
    tools = r"AbortSignal\.|replaceChildren|replaceAll|fromEntries|submitter|[pP]opover|\.at\(|\.flat|aria[A-Z]"
    assert re.findall(f"{words}|{tools}", script) == []
