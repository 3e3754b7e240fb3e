"""The law inside a noun: endpoints do not query, services do not commit, every read starts from who is asking."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "api"
QUERYING = {"select", "insert", "update", "delete", "text", "func", "joinedload", "selectinload"}
CALLS_OF_A_SESSION = {"execute", "scalar", "scalars", "stream", "get", "merge", "delete"}
OTHERS = sorted(
    path for path in ROOT.rglob("*.py")
    if path.name not in ("repository.py", "tables.py") and path.relative_to(ROOT).parts[0] not in ("kit", "migrations")
)
# All but what speaks HTTP.
SERVICES = [path for path in OTHERS if not path.stem.endswith(("endpoints", "pages", "routes"))]
NOUNS = sorted(path.parent.name for path in ROOT.glob("*/repository.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_from_sqlalchemy(tree: ast.Module) -> set[str]:
    return {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
    }


def called_on(tree: ast.AST, name: str) -> set[str]:
    """Names of the methods that are called on a variable of this name."""
    return {
        node.func.attr for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name) and node.func.value.id == name
    }


def reads_without_actor(tree: ast.Module) -> list[str]:
    """Public coroutines that neither use an `actor` nor say why they need none."""
    guilty = []
    for function in tree.body:
        if not isinstance(function, ast.AsyncFunctionDef) or function.name.startswith("_"):
            continue
        excused = any(
            isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "without_actor"
            for mark in function.decorator_list
        )
        uses = {node.id for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name)}
        takes = [argument.arg for argument in function.args.args][1:2] == ["actor"]
        if not excused and not (takes and "actor" in uses):
            guilty.append(function.name)
    return guilty


def test_there_are_nouns():
    assert {"accounts", "cameras", "cases", "edges", "evidence", "places"} <= set(NOUNS)


@pytest.mark.parametrize("noun", NOUNS)
def test_every_read_starts_from_who_is_asking(noun: str):
    assert reads_without_actor(parsed(ROOT / noun / "repository.py")) == []


def test_nothing_but_a_repository_queries():
    guilty = [
        path for path in OTHERS
        if imported_from_sqlalchemy(parsed(path)) & QUERYING or called_on(parsed(path), "work") & CALLS_OF_A_SESSION
    ]
    assert guilty == []


def test_services_never_commit():
    assert [path for path in SERVICES if called_on(parsed(path), "work") & {"commit", "rollback"}] == []


@pytest.mark.parametrize("path", sorted(ROOT.rglob("tables.py")), ids=lambda path: path.parent.name)
def test_nothing_is_loaded_unasked(path: Path):
    relationships = [
        node for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "relationship"
    ]
    for call in relationships:
        assert [ast.unparse(word.value) for word in call.keywords if word.arg == "lazy"] == ["'raise'"]


def test_the_check_finds_a_read_that_forgets_the_actor():
    forgetful = "async def get_case(work, actor, case_id):\n    return await work.get(Case, case_id)\n"
    assert reads_without_actor(ast.parse(forgetful)) == ["get_case"]
