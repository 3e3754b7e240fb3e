import pytest

from bench import providers
from detector.card import default_weights


def test_the_processor_is_what_all_is_held_against(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(providers, "CALLS", 1)
    lines = providers.measure(default_weights(), tmp_path, 1, lambda _: None)
    assert len(lines) == 2 * len(providers.INPUTS)
    assert all("cpu int8" in line and line.endswith("ratio 1.00") for line in lines[::2])
    assert all("cpu fp32" in line for line in lines[1::2])
