"""Which camera a process was at when FFmpeg crashed it.

Python's own fault handler writes the stack of the thread that crashed. What is done for one camera runs inside a function that
bears the camera's name, so the name stands in that stack; nothing is kept, counted or locked for it while all is well.
"""

import re
from collections.abc import Callable
from types import FunctionType
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")
# As the fault handler writes a line of a stack, and as `contract.base.Identifier` allows the name of a camera.
_FRAME = re.compile(r"^  File .*, line \S+ in camera ([0-9A-Za-z_-]{1,64})$", re.MULTILINE)


def at_camera(camera_id: str, function: Callable[Given, Result]) -> Callable[Given, Result]:
    """`function`, inside one that bears the camera's name."""

    def call(*arguments: Given.args, **options: Given.kwargs) -> Result:
        return function(*arguments, **options)

    code = call.__code__.replace(co_name=f"camera {camera_id}")
    return FunctionType(code, call.__globals__, call.__name__, None, call.__closure__)


def camera_in(stack: str) -> str | None:
    """The camera that the crashed thread was at, if it was at one."""
    found = _FRAME.search(stack)
    return None if found is None else found[1]
