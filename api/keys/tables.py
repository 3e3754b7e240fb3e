from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.kit.database import Table
from api.kit.times import UtcDateTime


class ServiceKey(Table):
    """Made when it is first needed; the same for all processes. In the database, because others know its public half: a key
    that is lost with a data folder cannot be replaced by another one."""

    __tablename__ = "service_keys"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    secret_encrypted: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
