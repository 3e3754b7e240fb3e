from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.accounts.tables import User
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime


class ApiClient(Table):
    """Another system's program. Of its secrets only hashes are kept."""

    __tablename__ = "api_clients"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    redirect_uris: Mapped[list[str]] = mapped_column(JSON, default=list)
    is_authority: Mapped[bool]
    places: Mapped[list["ApiClientPlace"]] = relationship(lazy="raise")
    secret_hash: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str | None] = mapped_column(String(64))
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Those before the previous one that still work, the newest first: each a hash, and until when (RFC 3339).
    earlier: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def district_ids(self) -> list[str]:
        return [place.district_id for place in self.places if place.district_id is not None]

    @property
    def shop_ids(self) -> list[str]:
        return [place.shop_id for place in self.places if place.shop_id is not None]


class ApiClientPlace(Table):
    """A district with the stations below it, or a shop."""

    __tablename__ = "api_client_places"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("api_clients.id"), index=True)
    district_id: Mapped[str | None] = mapped_column(ForeignKey("districts.id"))
    shop_id: Mapped[str | None] = mapped_column(ForeignKey("shops.id"))


class TokenKind(StrEnum):
    CODE = "code"
    ACCESS = "access"
    REFRESH = "refresh"


class ApiToken(Table):
    """What a client holds: an authorization code, an access token or a refresh token. Only the hash of it is kept."""

    __tablename__ = "api_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[TokenKind] = mapped_column(words(TokenKind))
    client_id: Mapped[str] = mapped_column(ForeignKey("api_clients.id"), index=True)
    client: Mapped[ApiClient] = relationship(lazy="raise")
    # The person who gave it; none where the client speaks for itself.
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    user: Mapped[User | None] = relationship(lazy="raise")
    scopes: Mapped[list[str]] = mapped_column(JSON)
    # All that came of one consent: when a part of it turns up where it should not, all of it ends.
    family: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    redirect_uri: Mapped[str | None] = mapped_column(Text)
    challenge: Mapped[str | None] = mapped_column(String(43))
    agreed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # A code and a refresh token work once. Of an access token of a person: when it was last used, within a few minutes.
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
