"""What lists and pages of cases ask the database: answered from an index, never by walking a table that grows.

SQLite's own plan is looked at, which no load of the machine changes; `sunshine bench cases` measures.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from api.accounts.permissions import Role
from tests.api.world import World

GROWING = ("cases", "evidence", "case_transitions", "case_reminders", "countersignatures", "case_answers", "answer_photographs")


@contextmanager
def asked(world: World) -> Iterator[list[tuple[str, Any]]]:
    """The statements that read, with their values."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            found.append((statement, values))

    engine = world.centre.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


async def plan(world: World, statement: str, values: Any) -> list[str]:
    async with world.centre.database.reading() as work:
        connection = await work.connection()
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return [str(row[3]) for row in rows]


def walks(statement: str, steps: list[str]) -> list[str]:
    """Steps over a whole table; of a page of a list also the sort of all that was found, since only some of it is shown."""
    sorts = statement.startswith("SELECT cases.id") and "LIMIT" in statement
    tables = [
        step for step in steps
        if step.startswith("SCAN") and step.split()[1] in GROWING and "ix_cases_overdue" not in step  # holds only those
    ]
    # All that was ever confirmed or dismissed; with a time it is what was in that time.
    tables += [step for step in steps if "ix_case_transitions_act_at (act=?)" in step]
    return tables + [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step and sorts]


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.REVIEWER, "/cases/list"),
        (Role.REVIEWER, "/cases/list?state=overdue"),
        (Role.REVIEWER, "/cases/list?state=dismissed"),
        (Role.REVIEWER, "/cases/list?state=ended&rule=K01"),
        (Role.REVIEWER, "/cases/list?state=with_shop"),
        (Role.REVIEWER, "/cases/list?rule=K01"),
        (Role.REVIEWER, "/cases/list?state=all&rule=K01"),
        (Role.REVIEWER, "/cases/list?state=all&shop={shop}"),
        (Role.REVIEWER, "/cases/list?state=overdue&shop={shop}"),
        (Role.REVIEWER, "/cases/list?state=ended&shop={shop}"),
        (Role.REVIEWER, "/api/v1/cases?camera_id={camera}"),
        (Role.REVIEWER, "/api/v1/cases?shop_id={shop}"),
        (Role.STORE_OWNER, "/api/v1/cases"),
        (Role.STORE_OWNER, "/cases/list"),
        (Role.REVIEWER, "/review"),
        (Role.REVIEWER, "/cases/{case}"),
        (Role.OFFICER, "/cases/{case}"),
        (Role.CHIEF, "/statistics"),
        (Role.CHIEF, "/statistics?shop={shop}&rule=K01"),
        (Role.CHIEF, "/statistics/month"),
    ],
)
async def test_no_list_walks_what_grows(world: World, role: Role, path: str):
    place = await world.place()
    case_id = await world.case(place)
    who = await world.person(role, place=place if role is Role.STORE_OWNER else None)
    async with world.centre.database.writing() as work:
        await work.execute(text("UPDATE cases SET overdue_at = opened_at"))
    with asked(world) as statements:
        answer = await who.get(path.format(camera=place.camera_id, shop=place.shop_id, case=case_id))
    assert answer.status_code == 200, answer.text
    assert any("FROM cases" in statement or "JOIN cases" in statement for statement, _ in statements)
    for statement, values in statements:
        steps = await plan(world, statement, values)
        assert walks(statement, steps) == [], (statement, steps)


@pytest.mark.parametrize("path", ["/statistics", "/statistics?rule=K01", "/statistics/month", "/wall"])
async def test_figures_of_a_station_walk_its_time_not_its_past(world: World, path: str):
    """An officer of one station must not have all its cases read, only what happened in the time that is asked for. (Of one shop
    its own past may be read: that is less than what happens everywhere in a month.)"""
    place = await world.place()
    await world.case(place)
    officer = await world.person(Role.OFFICER, place=place)
    with asked(world) as statements:
        answer = await officer.get(path)
    assert answer.status_code == 200, answer.text
    counting = [(statement, values) for statement, values in statements if "FROM case_transitions JOIN cases" in statement]
    assert counting
    for statement, values in counting:
        steps = await plan(world, statement, values)
        assert any("ix_case_transitions_act_at" in step for step in steps), (statement, steps)


@pytest.mark.parametrize("act", ["confirm", "dismiss"])
async def test_no_judgement_walks_what_was_judged_before(world: World, act: str):
    """Nobody else writes meanwhile, where the database is SQLite."""
    case_id = await world.case(await world.place())
    reviewer = await world.person(Role.REVIEWER)
    with asked(world) as statements:
        reason = {"reason": "cannot_tell"} if act == "dismiss" else {}
        answer = await reviewer.post(f"/api/v1/cases/{case_id}/{act}", json=reason, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    for statement, values in statements:
        assert walks(statement, await plan(world, statement, values)) == [], statement


@pytest.mark.parametrize("path", ["/cases/list?state=overdue", "/cases/list?state=all", "/wall"])
async def test_a_countys_list_is_not_put_together_from_its_shops(world: World, path: str):
    """All cases of 3,000 shops would be read and sorted for the 40 that are shown."""
    place = await world.place()
    await world.case(place)
    officer = await world.person(Role.OFFICER, place=place)
    with asked(world) as statements:
        answer = await officer.get(path)
    assert answer.status_code == 200, answer.text
    listing = [
        (statement, values) for statement, values in statements
        if statement.startswith("SELECT cases.id, cases.camera_id") or "overdue_at IS NOT NULL" in statement
    ]
    assert listing
    for statement, values in listing:
        steps = await plan(world, statement, values)
        assert not [step for step in steps if "cases USING INDEX ix_cases_shop_id" in step], (statement, steps)
