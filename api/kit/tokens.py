"""Tokens that we make, of which only a hash is kept."""

import hashlib


def token_hash(token: str) -> str:
    # No slow hash is needed: a token is 128 random bits, or more.
    return hashlib.sha256(token.encode()).hexdigest()
