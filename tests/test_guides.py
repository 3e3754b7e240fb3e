"""The guides say what the pages say: each word in them that names something on a page stands on one, in both languages."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[1]
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))
CATALOGUE = ROOT / "api" / "console" / "locale" / "zh_CN" / "LC_MESSAGES" / "console.po"


def words_of_the_pages() -> dict[str, set[str]]:
    with CATALOGUE.open("rb") as po:
        messages = [message for message in read_po(po, locale="zh_CN") if message.id]
    return {"en": {str(message.id) for message in messages}, "zh": {str(message.string) for message in messages}}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_button_is_called_as_on_the_page(guide: Path) -> None:
    known, text = words_of_the_pages(), guide.read_text(encoding="utf-8")
    chinese = guide.name.endswith(".zh-CN.md")
    named = re.findall("“([^”]+)”" if chinese else r"(?<!\*)\*([^*\n]+)\*(?!\*)", text)
    assert not [word for word in named if word not in known["zh" if chinese else "en"]]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_what_a_guide_leads_to_is_there(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]
    assert targets
    assert not [target for target in targets if target and not (guide.parent / target).exists()]


def test_every_guide_is_there_in_both_languages_with_the_same_tasks() -> None:
    for guide in GUIDES:
        if not guide.name.endswith(".zh-CN.md"):
            other = guide.with_name(f"{guide.stem}.zh-CN.md")
            shapes = [re.findall(r"^(## |\d+\.|!)", text.read_text(encoding="utf-8"), re.MULTILINE) for text in (guide, other)]
            assert shapes[0] == shapes[1], guide.name
