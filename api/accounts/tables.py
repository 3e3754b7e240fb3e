from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.accounts.permissions import Role
from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from api.kit.times import UtcDateTime


class OfAPlace:
    """Bound to a district or to a shop; to all places where to neither."""

    district_id: Mapped[str | None] = mapped_column(ForeignKey("districts.id"))
    shop_id: Mapped[str | None] = mapped_column(ForeignKey("shops.id"))

    @property
    def place(self) -> dict[str, str | None]:
        """The chain of the audit into which what concerns it goes."""
        return {"shop_id": self.shop_id, "district_id": self.district_id}


class User(OfAPlace, Table):
    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(words(Role))
    is_admin: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(String(10), default="zh-CN")
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The secret of the authenticator app, and the last of its 30 s steps that was used.
    totp_encrypted: Mapped[str | None] = mapped_column(Text)
    totp_step: Mapped[int | None]
    # Who it is at the identity provider: issuer and subject.
    oidc_subject: Mapped[str | None] = mapped_column(String(600), index=True, unique=True)


class FurtherShop(Table):
    """One that somebody of a shop looks after too, with the same account and in the same role: several restaurants, one owner."""

    __tablename__ = "further_shops"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), primary_key=True, index=True)


class Invitation(OfAPlace, Table):
    """To an account that somebody makes for themself, or, with `user_id`, to a new password of theirs. Only the hash of its token
    is kept."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[Role] = mapped_column(words(Role))
    is_admin: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)


class SignInFailures(Table):
    """How often signing in has failed lately: with a login from an address, or from an address. The key is a hash of them."""

    __tablename__ = "sign_in_failures"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    blocked_until: Mapped[datetime] = mapped_column(UtcDateTime)


class UserSession(Table):
    """A signed-in browser. Only the hash of its token is kept: who reads the database cannot sign in with it."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship(lazy="raise")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # Where and with what it was begun.
    address: Mapped[str | None] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(200))

    @property
    def id(self) -> str:
        """What people name it by; it opens nothing."""
        return self.token_hash[:ID_LENGTH]
