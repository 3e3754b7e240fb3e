import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.edge_auth import EdgeTokenError, claimed_edge_id, content_digest, make_edge_token, verify_edge_token

KEY = Ed25519PrivateKey.generate()
REQUEST = ("POST", "/api/v1/edge/heartbeats")
BODY = b'{"minutes": []}'


def test_token_names_its_edge():
    token = make_edge_token("edge-1", KEY, *REQUEST, BODY)
    assert claimed_edge_id(token) == "edge-1"


def test_token_holds_for_one_body():
    token = make_edge_token("edge-1", KEY, *REQUEST, BODY)
    assert verify_edge_token(token, KEY.public_key(), *REQUEST) == content_digest(BODY) != content_digest(BODY + b" ")


@pytest.mark.parametrize("request_line", [("GET", REQUEST[1]), ("POST", "/api/v1/edge/violations")])
def test_token_holds_for_one_request(request_line):
    token = make_edge_token("edge-1", KEY, *REQUEST, BODY)
    with pytest.raises(EdgeTokenError, match="another request"):
        verify_edge_token(token, KEY.public_key(), *request_line)


def test_token_of_another_key_is_refused():
    with pytest.raises(EdgeTokenError, match="key"):
        verify_edge_token(
            make_edge_token("edge-1", Ed25519PrivateKey.generate(), *REQUEST, BODY), KEY.public_key(), *REQUEST
        )


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_wrong_clock_is_named(seconds):
    token = make_edge_token("edge-1", KEY, *REQUEST, BODY, now=time.time() + seconds)
    with pytest.raises(EdgeTokenError, match="clock"):
        verify_edge_token(token, KEY.public_key(), *REQUEST)


def test_clock_four_minutes_off_is_accepted():
    token = make_edge_token("edge-1", KEY, *REQUEST, BODY, now=time.time() - 240)
    assert verify_edge_token(token, KEY.public_key(), *REQUEST) == content_digest(BODY)


def test_garbage_is_refused():
    with pytest.raises(EdgeTokenError):
        claimed_edge_id("not a token")


@pytest.mark.parametrize("issuer", ["", "a\x00", "a\ud800", "a" * 65, 7, None])
def test_what_is_no_id_names_no_edge(issuer):
    """It is looked up in a database before anything is proved: NUL and half of a character were errors there."""
    token = jwt.encode({"sub": "x"}, KEY, algorithm="EdDSA").split(".")
    token[1] = base64.urlsafe_b64encode(json.dumps({"iss": issuer}).encode()).rstrip(b"=").decode()
    with pytest.raises(EdgeTokenError):
        claimed_edge_id(".".join(token))
