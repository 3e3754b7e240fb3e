from bench.workers import measure
from detector.card import default_weights


def test_the_processor_is_what_all_is_held_against(tmp_path):
    [line] = measure(default_weights(), tmp_path, [2], 0.1, lambda _: None)
    assert line.startswith("  2 workers cpu")
    assert line.endswith("ratio 1.00")
