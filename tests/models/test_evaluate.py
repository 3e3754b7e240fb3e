from pathlib import Path

import numpy as np
import pytest

from detector.card import Figure, default_weights
from detector.session import Session
from models.data import Picture, read_folder
from models.evaluate import Evaluation, bins, figures, look
from models.matching import Matches
from models.outcomes import Candidate, Judged, Label
from models.publish import STATES
from models.report import mistakes, table
from tests.models.data_folder import write_folder

BOX = (0.0, 0.0, 40.0, 40.0)


def evaluation(matches: Matches, sources: tuple[str, ...] = ("a", "a", "b", "b")) -> Evaluation:
    none = (np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    pictures = [
        Picture(Path(f"{i}.png"), source, f"g{i}", "CC0", frozenset(), (64, 48), *none) for i, source in enumerate(sources)
    ]
    return Evaluation(pictures, [], matches)


def seen() -> Matches:
    """A person found in each of four pictures, the last one wrongly."""
    matches = Matches(1.6, 1.4, {})
    for number in range(4):
        hit = number < 3
        matches.candidates["person"].append(Candidate(number, BOX, 0.9 - number / 10, hit, 40.0, told=number < 2))
        if hit:
            matches.labels["person"].append(Label(number, BOX, 40.0, True))
    return matches


def judged(truth: str, told: str, score: float, size: float = 40.0, number: int = 0) -> Judged:
    return Judged("cap", number, BOX, size, truth, told, score)


def values(matches: Matches, measure: str) -> dict[tuple[str, str], tuple[float, int]]:
    return {(f.subject, f.part): (f.value, f.count) for f in figures(evaluation(matches)) if f.measure == measure}


def test_figures_are_of_all_by_size_and_by_source():
    matches = seen()
    matches.labels["person"].append(Label(3, BOX, 40.0, False))
    found = values(matches, "AP")
    assert found == {
        ("person", "all"): (0.75, 4),
        ("person", "32 to 96 px"): (0.75, 4),
        ("person", "a"): (1.0, 2),
        ("person", "b"): (0.5, 2),
    }


def test_recall_and_precision_as_used_are_of_what_the_product_tells():
    matches = seen()
    assert values(matches, "recall as used") == {("person", "all"): (0.6667, 3)}
    assert values(matches, "precision as used") == {("person", "all"): (1.0, 2)}


def test_a_cigarette_that_the_product_does_not_take_for_one_is_ranked_and_changes_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = read_folder(write_folder(tmp_path / "d", [{"annotated": [8]}], {"p0": "8 0.5 0.6 0.1 0.1\n"}))[0]
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = 200, 100, 400, 350, 0.9, 1  # a head on a canvas of ten times the picture's size, and a faint cigarette in it
    rows[0, 1] = 300, 270, 340, 310, 0.12, 3
    states = [np.array([[0.05, 0.95, *[0.0] * (len(names) - 2)]], np.float32) for names in STATES.values()]
    monkeypatch.setattr(Session, "run", lambda self, _: [rows] if self._name == "finder" else states)

    matches = look([picture], default_weights()).matches

    assert [(c.score, c.told) for c in matches.candidates["cigarette"]] == [(pytest.approx(0.12), False)]
    assert [(j.told, j.score) for j in matches.judged] == [("no", pytest.approx(0.05))]


def test_smokers_alone_are_no_ranking():
    matches = Matches(1.6, 1.4, {})
    matches.candidates["smoking picture"].append(Candidate(0, BOX, 0.9, True, 40.0, told=True))
    matches.labels["smoking picture"].append(Label(0, BOX, 40.0, True))
    assert figures(evaluation(matches)) == []


def test_where_all_groups_agree_there_is_no_interval():
    matches = Matches(1.6, 1.4, {})
    matches.judged += [judged("worn", told, 0.1, number=number) for number, told in enumerate(("worn", "worn", "unknown"))]
    ends = {f.measure: (f.low, f.high) for f in figures(evaluation(matches)) if f.part == "all"}
    assert ends["accuracy"] == (None, None)
    assert ends["coverage"] == (0.0, 1.0)


def test_coverage_and_accuracy_leave_out_what_was_not_found_or_is_small():
    matches = Matches(1.6, 1.4, {})
    matches.judged += [
        judged("worn", "worn", 0.1), judged("missing", "worn", 0.2), judged("worn", "unknown", 0.4),
        judged("worn", "not found", 0), judged("worn", "worn", 0.1, size=20.0),
    ]  # fmt: skip
    assert values(matches, "coverage")["cap", "all"] == (0.6667, 3)
    assert values(matches, "accuracy")["cap", "all"] == (0.5, 2)
    assert values(matches, "coverage")["cap", "under 32 px"] == (1.0, 1)


def test_the_calibration_error_is_of_what_was_told():
    matches = Matches(1.6, 1.4, {})
    matches.judged += [judged("missing", "missing", 0.95), judged("worn", "missing", 0.95), judged("worn", "unknown", 0.5)]
    assert values(matches, "calibration error")["cap", "all"] == (0.45, 2)
    assert [(b.told, b.true, b.count) for b in bins(evaluation(matches))] == [(0.95, 0.5, 2)]


def test_heads_without_a_face_should_be_left_untold():
    matches = Matches(1.6, 1.4, {})
    matches.judged += [judged("unknown", "unknown", 0.3), judged("unknown", "missing", 0.9)]
    assert values(matches, "cannot tell") == {("cap, no face in sight", "all"): (0.5, 2)}
    assert values(matches, "coverage") == {}


def test_the_surest_errors_are_the_worst_mistakes():
    matches = seen()
    matches.judged += [judged("worn", "missing", 0.97), judged("missing", "worn", 0.02), judged("worn", "worn", 0.1)]
    found = sorted(mistakes(evaluation(matches)), key=lambda m: -m.weight)
    assert [(m.subject, round(m.weight, 2)) for m in found] == [("cap", 0.98), ("cap", 0.97), ("person", 0.6)]


def test_the_table_marks_sources_that_were_never_learned_from():
    shown = table([Figure(subject="person", measure="AP", part="b", value=0.5, count=3)], unseen=frozenset({"b"}))
    assert "b *" in shown
    assert "not trained on" in shown
