import json

import pytest

from contract.catalogue import AreaKind, CatalogueError, Post, load_catalogue

GLOVES = frozenset({Post.GLOVES_REQUIRED})
EVERYTHING_ON = frozenset(Post)


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


@pytest.mark.parametrize(
    ("area", "posts", "codes"),
    [
        (AreaKind.SPECIAL_ROOM, GLOVES, ["K01", "K02", "K06", "K07"]),
        (AreaKind.SPECIAL_ROOM, frozenset(), ["K01", "K02", "K07"]),
        (AreaKind.SPECIAL_AREA, frozenset(), ["K01", "K07"]),
        (AreaKind.SPECIAL_AREA, EVERYTHING_ON, ["K01", "K02", "K06", "K07"]),
        (AreaKind.COOKING, frozenset(), ["K01", "K07"]),
        (AreaKind.DINING, EVERYTHING_ON, []),
    ],
)
def test_rules_in_force(catalogue, area, posts, codes):
    assert [rule.code for rule in catalogue.in_force(area, posts)] == codes


def test_a_missing_cap_weighs_more_in_a_special_room(catalogue):
    rule = catalogue.rule("K01")
    assert (rule.severity_at(AreaKind.SPECIAL_ROOM), rule.severity_at(AreaKind.COOKING)) == (2, 3)


def test_what_no_model_sees_is_never_in_force(catalogue):
    in_force = {rule.code for area in AreaKind for rule in catalogue.in_force(area, EVERYTHING_ON)}
    assert in_force == {"K01", "K02", "K06", "K07"}


def test_clauses_known_from_memory_are_marked(catalogue):
    unread = [basis for rule in catalogue.rules for basis in rule.basis if "操作规范" in basis.text or "GB 31654" in basis.text]
    assert unread
    assert not any(basis.verified for basis in unread)


def test_version_does_not_depend_on_the_order_of_a_set(catalogue):
    again = load_catalogue()
    assert again.version == catalogue.version
    assert len(catalogue.version) == 12


def test_version_follows_the_content(catalogue):
    rule = catalogue.rules[0].model_copy(update={"hold_s": 21.0})
    assert catalogue.model_copy(update={"rules": [rule, *catalogue.rules[1:]]}).version != catalogue.version


@pytest.mark.parametrize(
    "text",
    [
        "title: [",
        "rules: []",
        "title: x\nrules: [{code: K01}]",
        "- a list",
        "",
        "title: 2026-13-45",
    ],
)
def test_bad_catalogue_names_the_file(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=r"mine\.yaml"):
        load_catalogue(path)


def test_missing_catalogue_names_the_file(tmp_path):
    with pytest.raises(CatalogueError, match="nowhere"):
        load_catalogue(tmp_path / "nowhere.yaml")


def test_available_rule_needs_a_sign(tmp_path, catalogue):
    rule = catalogue.rule("K09").model_dump(mode="json") | {"available": True}
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps({"title": "x", "rules": [rule]}))
    with pytest.raises(CatalogueError, match="sign"):
        load_catalogue(path)
