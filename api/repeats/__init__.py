"""Requests that come again: an act is carried out once per Idempotency-Key, and what is known already is not sent anew."""
