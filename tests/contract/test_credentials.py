import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.credentials import CredentialError, open_credential, seal_credential

KEY = X25519PrivateKey.generate()
PASSWORD = "p%40@:/ 密码"


def test_only_the_edge_reads_it():
    sealed = seal_credential(KEY.public_key(), "cam-1", PASSWORD)
    assert PASSWORD not in sealed
    assert open_credential(KEY, "cam-1", sealed) == PASSWORD


def test_another_edge_cannot():
    with pytest.raises(CredentialError):
        open_credential(X25519PrivateKey.generate(), "cam-1", seal_credential(KEY.public_key(), "cam-1", PASSWORD))


def test_not_for_another_camera():
    with pytest.raises(CredentialError):
        open_credential(KEY, "cam-2", seal_credential(KEY.public_key(), "cam-1", PASSWORD))


def test_torn_is_refused():
    with pytest.raises(CredentialError):
        open_credential(KEY, "cam-1", "AAAA")
