"""All settings of the centre, in one place; each can be set as an environment variable SUNSHINE_<NAME>."""

import re
from datetime import time
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

import httpx
from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from api.kit.outbound import Network, read_networks
from contract.base import LocalTime

# What obstore opens without a package more. A folder by URL would be one whose files nobody waits for until they are on the disk.
_STORES = ("s3", "s3a", "az", "azure", "adl", "abfs", "abfss", "gs")
_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")


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
    retention: Path | None = Field(None, description="how long evidence is kept (YAML); without one, as it is shipped")
    alarms: Path | None = Field(None, description="forms of alarms of other boxes (YAML); without one, those that are shipped")
    # Vendors give up after some 15 s; the rest of the time is for filing it.
    alarm_picture_s: float = Field(8.0, gt=0, description="how long fetching the picture of an alarm may take")
    retention_every_s: float = Field(3600.0, gt=0, description="how often evidence whose time is over is looked for")
    # Fine enough for a limit of half an hour.
    clock_every_s: float = Field(30.0, gt=0, description="how often reminders and overdue cases are looked for")

    # An entry is chained within a second of its commit.
    audit_chained_every_s: float = Field(0.5, gt=0, description="how often the audit is chained")

    tls_certificate: Path | None = Field(None, description="PEM with the chain; with it, the centre itself speaks HTTPS")
    tls_key: Path | None = Field(None, description="PEM; readable by the centre alone")

    oidc_issuer: str | None = Field(None, description="identity provider (OpenID Connect), as it names itself: https://…")
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = Field(None, description="without one, a public client")
    oidc_name: str = Field("统一身份认证", description="what the button says")
    oidc_login_claim: str = Field("preferred_username", description="which claim is the login here, at the first sign-in")

    session_idle_hours: float = Field(12, gt=0, description="a forgotten browser is signed out by the next morning")
    session_longest_days: float = Field(7, gt=0)
    access_token_minutes: float = Field(60, gt=0, description="how long another system's access token lasts")
    refresh_token_days: float = Field(30, gt=0, description="a person who has not used an app for so long agrees anew")
    # Ten a second: a backend that follows the events asks once a second.
    client_requests_per_minute: int = Field(600, gt=0)
    # Twice what a reviewer asks for who judges two findings a second, with the pictures that are fetched ahead.
    person_requests_per_minute: int = Field(1200, gt=0, description="of each person who is signed in, pages and pictures too")
    # Ten a second, where a box with nothing to report asks some ten times a minute: a week's reports are caught up in minutes.
    box_requests_per_minute: int = Field(600, gt=0, description="of each edge, and of each box that a shop owns")
    # Twenty phones of a kitchen behind one router open the page of the same notice, with its pictures, within the same minute.
    link_requests_per_minute: int = Field(300, gt=0, description="through one link, from one address, by whoever holds it")
    # A person's token lasts an hour: enough for a backend of 7,200 people.
    token_requests_per_minute: int = Field(120, gt=0, description="at the token endpoint, for each client and for each address")
    # Whoever reads what a program asks for needs some seconds; each consent is a row and an entry of the audit.
    consents_per_minute: int = Field(20, gt=0, description="answers to programs that ask to be let in, of each person")
    enrolment_minutes: float = Field(15, gt=0)
    # Below the 30 s after which an edge gives a request up, and the 60 s of most proxies.
    trial_wait_s: float = Field(25, ge=0, description="how long an edge's question for a camera to try stays open")
    loopback_cameras: bool = Field(False, description="a camera that is added may be on this machine: for the demo")
    minutes_kept_days: int = Field(7, gt=0, description="how long the state of each camera is kept minute by minute")
    # A 4K frame as JPEG of quality 95 is about 4 MB.
    picture_bytes: int = Field(10_000_000, gt=0)
    # 8K UHD. Decoding is refused above, so that a small file cannot blow up in memory.
    picture_side_px: int = Field(7680, gt=0)

    outbound_networks: str | None = Field(None, description="private networks that webhooks may reach: 10.1.0.0/16,192.168.7.2")
    # What the Standard Webhooks specification asks receivers to keep to, at its shorter end.
    delivery_timeout_s: float = Field(15, gt=0, description="how long one try to send may take, with everything")
    late_minutes: float = Field(30, gt=0, description="a message that has not arrived by then goes to the next target too")
    late_minutes_serious: float = Field(2, gt=0, description="the same for class 1")
    quiet_from: LocalTime = Field(time(22), description="in shop time; from here nothing rings but class 1")
    quiet_until: LocalTime = Field(time(7), description="in shop time; the same as quiet_from for no quiet hours")
    # Only the settings can change where the robots' services are: whoever adds a robot gives its key, never an address.
    wecom_url: str = "https://qyapi.weixin.qq.com"
    dingtalk_url: str = "https://oapi.dingtalk.com"
    feishu_url: str = "https://open.feishu.cn"

    smtp_host: str | None = Field(None, description="mail server that takes our e-mail; without one, there is none")
    smtp_port: int = Field(465, ge=1, le=65535)
    smtp_security: Literal["tls", "starttls", "none"] = Field("tls", description="none only inside your own network")
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: str | None = Field(None, description="the address that e-mail comes from")

    sms_provider: Literal["aliyun"] | None = Field(None, description="who sends short messages; without one, there are none")
    sms_url: str = "https://dysmsapi.aliyuncs.com"
    sms_key_id: str | None = None
    sms_key_secret: SecretStr | None = None
    sms_sign_name: str | None = Field(None, description="the approved signature (签名)")
    sms_template: str | None = Field(None, description="code of the approved template, with ${what}, ${case} and ${until}")

    # What platforms show of a shop: docs/public.md.
    status_days: int = Field(7, gt=0, description="over how many days the minutes of a shop's cameras are counted")
    status_active_from: float = Field(0.80, gt=0, le=1, description="share of the required minutes; below, a shop is degraded")
    status_again_from: float = Field(0.85, gt=0, le=1, description="share from which a degraded shop is active again")
    status_every_s: float = Field(1800.0, gt=0, description="how often they are counted anew")
    feed_days: float = Field(30, gt=0, description="how long followers of events may stay away")
    # A session that ended ends the stream too, this late.
    stream_s: float = Field(300, gt=0, description="how long one stream of events lasts; its client comes again")
    # A backend holds one for itself and a few while it is replaced; each is a connection and a task.
    streams_at_once: int = Field(20, gt=0, description="streams of events that one person or program may have open")

    @field_validator("public_url")
    @classmethod
    def _as_people_type_it(cls, value: str | None) -> str | None:
        """Without one that a browser opens, the links in messages and the QR codes of notices lead nowhere."""
        return None if not value else _web_address(value).rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _known_proxies(cls, value: str | None) -> str | None:
        """What is no address would be taken for a name that no proxy has: nobody would be believed, and nobody told."""
        try:
            proxies = read_networks(value)
        except ValueError:
            proxies = None
        if proxies is None or any(proxy.prefixlen == 0 for proxy in proxies):
            raise ValueError(
                "Give the addresses of your own proxies, or the networks that only they are in, with commas between them: "
                "192.168.7.2,172.16.0.0/12. A name or * cannot be used, and a network begins with its first address."
            )
        return ",".join(map(str, proxies)) or None

    @field_validator("wecom_url", "dingtalk_url", "feishu_url", "sms_url")
    @classmethod
    def _of_a_service(cls, value: str) -> str:
        return _web_address(value)

    @field_validator("files_url")
    @classmethod
    def _of_a_store(cls, value: str | None) -> str | None:
        if value and (urlsplit(value).scheme not in _STORES or not urlsplit(value).netloc):
            raise ValueError("Give a URL such as s3://bucket/prefix; for a folder, name SUNSHINE_DATA instead.")
        return value or None

    @field_validator("mail_from")
    @classmethod
    def _address_alone(cls, value: str | None) -> str | None:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("Give the address alone, such as centre@example.org, without a name.")
        return value or None

    @field_validator("oidc_issuer")
    @classmethod
    def _over_https(cls, value: str | None) -> str | None:
        host = httpx.URL(value).host if value else ""
        if value and not value.startswith("https://") and host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("Give a URL that begins with https://.")
        return value

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("SUNSHINE_TLS_CERTIFICATE and SUNSHINE_TLS_KEY go together.")
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("SUNSHINE_OIDC_ISSUER and SUNSHINE_OIDC_CLIENT_ID go together.")
        return self

    @field_validator("outbound_networks")
    @classmethod
    def _networks(cls, value: str | None) -> str | None:
        read_networks(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _of_an_engine_that_is_shipped(cls, value: SecretStr | None) -> SecretStr | None:
        scheme, separator, _ = value.get_secret_value().partition("://") if value is not None else ("", "", "")
        if value is not None and (not separator or scheme.partition("+")[0] not in ("postgres", "postgresql", "sqlite")):
            raise ValueError("Give a URL that begins with postgresql:// or sqlite:///.")
        try:
            make_url(value.get_secret_value() if value is not None else "sqlite://")
        except (ArgumentError, ValueError):  # its words quote the URL, and that may hold a password
            raise ValueError("Give a URL such as postgresql://user:password@host:5432/name.") from None
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
    def allowed_networks(self) -> tuple[Network, ...]:
        return read_networks(self.outbound_networks)

    @property
    def alarm_bytes(self) -> int:
        """A picture in base64, with room for what stands around it."""
        return self.picture_bytes * 4 // 3 + 1_000_000

    @property
    def push_contact(self) -> str:
        """Where a push service can reach whoever runs this centre (RFC 8292, 2.1)."""
        if self.mail_from is not None:
            return f"mailto:{self.mail_from}"
        has_name = self.public_url is not None and self.public_url.startswith("https://")
        return str(self.public_url) if has_name else "mailto:root@localhost"

    @property
    def upload_bytes(self) -> int:
        """Two pictures and a manifest, with room for the multipart frame."""
        return 2 * self.picture_bytes + 2_000_000


def _web_address(value: str) -> str:
    address = urlsplit(value)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError("Give a URL that begins with https:// or http://.")
    return value
