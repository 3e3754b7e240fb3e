from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.accounts.passwords import MOST_TYPED
from api.accounts.permissions import Permission, Role


class LoginIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=MOST_TYPED)]
    code: Annotated[str, Field(max_length=20)] | None = Field(
        None, description="of the authenticator app, where the account has one"
    )


class Me(BaseModel):
    id: str
    name: str
    role: Role | None
    is_admin: bool
    language: str
    district_id: str | None
    shop_id: str | None
    further_shop_ids: list[str] = Field(description="which the same account looks after too")
    permissions: list[Permission]
