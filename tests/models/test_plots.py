import numpy as np

from models.outcomes import Judged
from models.plots import TILE, Line, Mistake, chart, confusion, contact_sheet, matrix, worst

BOX = (10.0, 10.0, 30.0, 30.0)


def mistake(subject: str, weight: float) -> Mistake:
    return Mistake(subject, 0, BOX, f"told {weight}", weight)


def test_the_worst_of_every_subject_comes_first():
    found = worst([mistake("cap", 0.9), mistake("cap", 0.8), mistake("mask", 0.3)], 3)
    assert [(m.subject, m.weight) for m in found] == [("cap", 0.9), ("mask", 0.3), ("cap", 0.8)]


def test_no_more_than_so_many_mistakes():
    assert len(worst([mistake("cap", i / 100) for i in range(50)], 24)) == 24


def test_a_confusion_matrix_counts_what_was_told_of_each_truth():
    told = [("worn", "worn"), ("worn", "missing"), ("worn", "worn"), ("missing", "not found")]
    judged = [Judged("cap", 0, BOX, 40.0, truth, state, 0.5) for truth, state in told]
    counts = confusion(judged)
    assert counts == {"cap": {"worn": {"worn": 2, "missing": 1}, "missing": {"not found": 1}}}
    assert matrix("cap", counts["cap"]).std() > 0


def test_a_line_is_drawn_where_its_points_lie():
    empty, drawn = chart("t", "x", "y", []), chart("t", "x", "y", [Line("", [0, 1], [0.5, 0.5])])
    rows = np.flatnonzero((empty != drawn).any(axis=(1, 2)))
    middle = 50 + 480 // 2
    assert middle in rows


def test_each_mistake_is_a_framed_tile_of_its_picture():
    picture = np.full((100, 100, 3), (10, 200, 30), np.uint8)
    sheet = contact_sheet([(picture, mistake("cap", 0.5))] * 7)
    assert sheet.shape == (2 * (TILE + 44), 6 * (TILE + 8), 3)
    assert (sheet[4 + TILE // 2, 4 + TILE // 2] == (10, 200, 30)).all()


def test_no_mistakes_are_an_empty_sheet():
    assert (contact_sheet([]) == 255).all()
