"""All settings of the centre, in one place; each can be set as an environment variable SUNSHINE_<NAME>."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SUNSHINE_", extra="ignore", hide_input_in_errors=True)

    data: Path = Field(default_factory=lambda: user_data_path("sunshine-kitchen"), description="for database, files and keys")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    public_url: str | None = Field(None, description="the address people use, when it differs from host and port")
    # Nobody by default: whoever is believed can give any address, and guess passwords under a new one each time.
    trusted_proxies: str | None = Field(None, description="addresses whose X-Forwarded-For and -Proto are believed, by commas")
    centre_name: str = "阳光食品 Sunshine Kitchen"

    database_url: SecretStr | None = Field(None, description="postgresql://…; without one, SQLite in the data folder")
    # Long enough for a commit on a slow disk, short enough that an edge's request does not time out (30 s) first.
    database_wait_s: float = Field(5.0, gt=0, description="how long to wait for a locked database before answering 503")
    files_url: str | None = Field(None, description="s3://bucket/prefix, az://…, gs://…; without one, inside the data folder")
    keys: SecretStr | None = Field(None, description="id:base64 of 32 bytes, comma-separated, the current key first")
    catalogue: Path | None = Field(None, description="rule catalogue (YAML); without one, the one that is shipped")
    deadlines: Path | None = Field(None, description="deadlines and holidays (YAML); without one, those that are shipped")
    # Fine enough for a limit of half an hour.
    clock_every_s: float = Field(30.0, gt=0, description="how often reminders and overdue cases are looked for")

    # An entry is chained within a second of its commit.
    audit_chained_every_s: float = Field(0.5, gt=0, description="how often the audit is chained")

    session_idle_hours: float = Field(12, gt=0, description="a forgotten browser is signed out by the next morning")
    session_longest_days: float = Field(7, gt=0)
    enrolment_minutes: float = Field(15, gt=0)
    minutes_kept_days: int = Field(7, gt=0, description="how long the state of each camera is kept minute by minute")
    # A 4K frame as JPEG of quality 95 is about 4 MB.
    picture_bytes: int = Field(10_000_000, gt=0)
    # 8K UHD. Decoding is refused above, so that a small file cannot blow up in memory.
    picture_side_px: int = Field(7680, gt=0)

    @field_validator("public_url")
    @classmethod
    def _without_trailing_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @field_validator("database_url")
    @classmethod
    def _of_an_engine_that_is_shipped(cls, value: SecretStr | None) -> SecretStr | None:
        scheme, separator, _ = value.get_secret_value().partition("://") if value is not None else ("", "", "")
        if value is not None and (not separator or scheme.partition("+")[0] not in ("postgres", "postgresql", "sqlite")):
            raise ValueError("Give a URL that begins with postgresql:// or sqlite:///.")
        return value

    @property
    def async_database_url(self) -> str:
        """The URL in SQLAlchemy's words, with the driver that we ship."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.data / 'sunshine.db'}"
        scheme, _, rest = self.database_url.get_secret_value().partition("://")
        driver = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite+aiosqlite"}
        return f"{driver.get(scheme, scheme)}://{rest}"

    @property
    def upload_bytes(self) -> int:
        """Two pictures and a manifest, with room for the multipart frame."""
        return 2 * self.picture_bytes + 2_000_000
