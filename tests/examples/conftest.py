"""The examples are tested on the same centres as the API."""

from tests.api.conftest import migrated_sqlite, sqlite_settings, world

__all__ = ["migrated_sqlite", "sqlite_settings", "world"]
