from inspect import signature
from typing import Any
from unittest.mock import Mock

from sqlalchemy import Select, Update, select, update

from api.kit.prepared import prepared
from api.places.tables import District
from tests.api.world import World


def _named(district_id: Any) -> Select[str]:
    return select(District.name).where(District.id == district_id)


@prepared
def _rename(id: Any, name: Any) -> Update:
    return update(District).where(District.id == id).values(name=name).execution_options(synchronize_session=False)


async def test_it_is_built_once_and_each_call_has_its_own_values(any_world: World):
    build = Mock(wraps=_named, __signature__=signature(_named))
    name = prepared(build)
    async with any_world.centre.database.writing() as work:
        work.add_all([District(id="a", name="first"), District(id="b", name="second")])
        await work.flush()
        assert [await work.scalar(*name(district_id)) for district_id in ("a", "b", "c")] == ["first", "second", None]
    assert build.call_count == 1


async def test_a_value_may_be_called_like_the_column_that_is_set(any_world: World):
    async with any_world.centre.database.writing() as work:
        work.add_all([District(id="a", name="first"), District(id="b", name="second")])
        await work.flush()
        await work.execute(*_rename("a", "third"))
        assert [await work.scalar(_named(district_id)) for district_id in ("a", "b")] == ["third", "second"]
