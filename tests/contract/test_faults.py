from contract.edges import EdgeTrouble, StreamFault
from contract.faults import FAULT_TEXTS, TROUBLE_TEXTS


def test_every_fault_has_a_sentence_in_both_languages() -> None:
    assert set(FAULT_TEXTS) == set(StreamFault)
    assert all(text.zh.endswith("。") and text.en.endswith(".") for text in FAULT_TEXTS.values())


def test_every_trouble_has_a_sentence_in_both_languages() -> None:
    assert set(TROUBLE_TEXTS) == set(EdgeTrouble)
    assert all(text.zh.endswith("。") and text.en.endswith(".") for text in TROUBLE_TEXTS.values())
