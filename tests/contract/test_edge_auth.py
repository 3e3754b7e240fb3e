import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.edge_auth import EdgeTokenError, claimed_edge_id, make_edge_token, verify_edge_token

KEY = Ed25519PrivateKey.generate()


def test_token_names_its_edge():
    token = make_edge_token("edge-1", KEY)
    assert claimed_edge_id(token) == "edge-1"
    assert verify_edge_token(token, KEY.public_key()) == "edge-1"


def test_token_of_another_key_is_refused():
    with pytest.raises(EdgeTokenError, match="key"):
        verify_edge_token(make_edge_token("edge-1", Ed25519PrivateKey.generate()), KEY.public_key())


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_wrong_clock_is_named(seconds):
    with pytest.raises(EdgeTokenError, match="clock"):
        verify_edge_token(make_edge_token("edge-1", KEY, now=time.time() + seconds), KEY.public_key())


def test_clock_four_minutes_off_is_accepted():
    assert verify_edge_token(make_edge_token("edge-1", KEY, now=time.time() - 240), KEY.public_key()) == "edge-1"


def test_garbage_is_refused():
    with pytest.raises(EdgeTokenError):
        claimed_edge_id("not a token")
