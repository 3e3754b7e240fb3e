"""Ids that say nothing and cannot be guessed."""

import secrets

ID_LENGTH = 20


def new_id() -> str:
    return secrets.token_hex(ID_LENGTH // 2)
