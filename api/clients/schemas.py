from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.clients.consents import Consent
from api.clients.scopes import Scope
from api.places.schemas import Id
from contract.base import Name


class ClientIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    district_ids: Annotated[list[Id], Field(max_length=100, description="each with the stations below it")] = []
    shop_ids: Annotated[list[Id], Field(max_length=100)] = []
    redirect_uris: Annotated[
        list[Annotated[str, Field(max_length=500)]],
        Field(max_length=10, description="where people come back to after they agreed; https, or a loopback address"),
    ] = []
    is_authority: bool = Field(False, description="of the supervising authority itself: hears of findings before their notice")


class ClientOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str = Field(description="the `client_id`")
    name: str
    scopes: list[Scope]
    district_ids: list[str]
    shop_ids: list[str]
    redirect_uris: list[str]
    is_authority: bool
    created_at: datetime
    created_by: str
    last_used_at: datetime | None = Field(description="when it was last given a token")
    previous_until: datetime | None = Field(description="until then the secret before this one works too")
    revoked_at: datetime | None


class ClientWithSecret(ClientOut):
    secret: str = Field(description="the `client_secret`; it is shown this once")


class Clients(BaseModel):
    items: list[ClientOut]
    next: str | None = Field(description="cursor of the next page")


class GrantOut(BaseModel):
    client_id: str
    name: str
    scopes: list[Scope]
    since: datetime
    last_used_at: datetime | None = Field(description="within a few minutes")

    @classmethod
    def of(cls, consent: Consent) -> "GrantOut":
        return cls(
            client_id=consent.client.id, name=consent.client.name, scopes=sorted(consent.scopes), since=consent.since,
            last_used_at=consent.last_used_at,
        )


class Grants(BaseModel):
    items: list[GrantOut]


class TokenAnswer(BaseModel):
    """RFC 6749, 5.1"""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="seconds")
    scope: str = Field(description="by spaces")
    refresh_token: str | None = Field(None, description="of a person's consent; works once")


class TokenError(BaseModel):
    """RFC 6749, 5.2"""

    error: Literal[
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
        "slow_down",
    ]
    error_description: str
