from datetime import date
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.kit.database import Table, words
from api.kit.ids import ID_LENGTH, new_id
from contract.catalogue import AreaKind


class LicenceKind(StrEnum):
    FOOD_BUSINESS = "food_business"  # 食品经营许可证
    SMALL_CATERING = "small_catering"  # 小餐饮登记证, under provincial rules
    BUSINESS = "business"  # 营业执照
    OTHER = "other"


# Without one of these nobody may prepare meals for sale.
OF_FOOD = (LicenceKind.FOOD_BUSINESS, LicenceKind.SMALL_CATERING)


class Grade(StrEnum):
    """年度等级 of 餐饮服务食品安全监督量化分级 (2012): given by the authority, never by us."""

    A = "A"  # 优秀
    B = "B"  # 良好
    C = "C"  # 一般


class Duty(StrEnum):
    """What a contact is to the shop."""

    OWNER = "owner"  # 负责人/法定代表人
    FOOD_SAFETY = "food_safety"  # 食品安全员
    OTHER = "other"


class District(Table):
    """A county (县/区局), or a station (所) below one."""

    __tablename__ = "districts"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("districts.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    # What a notice names for questions.
    phone: Mapped[str | None] = mapped_column(String(30))
    address: Mapped[str | None] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(default=1)


class Shop(Table):
    __tablename__ = "shops"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.id"), index=True)
    district: Mapped[District] = relationship(lazy="raise")
    name: Mapped[str] = mapped_column(String(100))
    # 统一社会信用代码, GB 32100: 18 characters
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True)
    address: Mapped[str | None] = mapped_column(String(200))
    grade: Mapped[Grade | None] = mapped_column(words(Grade))
    version: Mapped[int] = mapped_column(default=1)
    licences: Mapped[list["Licence"]] = relationship(lazy="raise", cascade="all, delete-orphan", order_by="Licence.place")
    contacts: Mapped[list["Contact"]] = relationship(lazy="raise", cascade="all, delete-orphan", order_by="Contact.place")


class Licence(Table):
    __tablename__ = "shop_licences"

    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # in the order in which they were entered
    kind: Mapped[LicenceKind] = mapped_column(words(LicenceKind))
    number: Mapped[str] = mapped_column(String(60))
    expires_on: Mapped[date | None] = mapped_column(Date, index=True)


class Contact(Table):
    __tablename__ = "shop_contacts"

    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    duty: Mapped[Duty] = mapped_column(words(Duty))
    name: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(30))


class Area(Table):
    __tablename__ = "areas"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    shop_id: Mapped[str] = mapped_column(ForeignKey("shops.id"), index=True)
    shop: Mapped[Shop] = relationship(lazy="raise")
    kind: Mapped[AreaKind] = mapped_column(words(AreaKind))
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(default=1)
