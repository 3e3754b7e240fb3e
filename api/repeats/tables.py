from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.kit.database import Table
from api.kit.times import UtcDateTime


class KeptAnswer(Table):
    """What was answered to an act. `key` is a hash of who acts and of their Idempotency-Key; `answer` is null while the first
    request runs, and encrypted: it may hold a secret that is shown once."""

    __tablename__ = "kept_answers"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    mark: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    answer: Mapped[str | None] = mapped_column(Text)
