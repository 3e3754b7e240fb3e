from contract.edges import StreamFault
from contract.faults import FAULT_TEXTS


def test_every_fault_has_a_sentence_in_both_languages() -> None:
    assert set(FAULT_TEXTS) == set(StreamFault)
    assert all(text.zh.endswith("。") and text.en.endswith(".") for text in FAULT_TEXTS.values())
