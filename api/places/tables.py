from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from contract.catalogue import AreaKind


class District(Table):
    __tablename__ = "districts"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100))


class Shop(Table):
    __tablename__ = "shops"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.id"), index=True)
    district: Mapped[District] = relationship(lazy="raise")
    name: Mapped[str] = mapped_column(String(100))
    # 统一社会信用代码, GB 32100: 18 characters
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True)
    address: Mapped[str | None] = mapped_column(String(200))


class Area(Table):
    __tablename__ = "areas"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), index=True)
    shop: Mapped[Shop] = relationship(lazy="raise")
    kind: Mapped[AreaKind] = mapped_column(words(AreaKind))
    name: Mapped[str] = mapped_column(String(100))
