"""Statements that are built once: building a small one, and the key by which SQLAlchemy finds it compiled, takes three quarters
of what it costs. For where the reports of all edges meet."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Executable, bindparam

S = TypeVar("S", bound=Executable)


def prepared(build: Callable[..., S]) -> Callable[..., tuple[S, dict[str, Any]]]:
    """`build` gets a bound parameter for each of its arguments, of the type of the column that it is compared with. Called with
    values, it gives the statement and what to execute it with: `work.scalars(*alike(camera_id, rule))`."""
    # Not the bare names: a column of the same name has its own parameter in an INSERT or UPDATE.
    names = [f"given_{name}" for name in inspect.signature(build).parameters]

    @cache
    def statement() -> S:
        return build(*(bindparam(name) for name in names))

    def fill(*values: Any) -> tuple[S, dict[str, Any]]:
        return statement(), dict(zip(names, values, strict=True))

    return fill
