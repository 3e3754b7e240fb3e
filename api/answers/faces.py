"""Photographs without faces. The centre knows no detector: whoever starts it may lend one."""

from collections.abc import Callable, Sequence

from api.evidence.blur import blurred
from api.kit.pictures import decoded
from contract.blur import Picture
from contract.evidence import MarkedBox

# People and heads in a picture [height, width, BGR].
Find = Callable[[Picture], Sequence[MarkedBox]]
_lent: list[Find] = []


def lend(find: Find) -> None:
    """From now on faces are looked for with this."""
    _lent[:] = [find]


def blurred_key(key: str) -> str:
    """Where the copy without faces of a photograph lies. One that was made in an earlier way is not shown any more."""
    return f"{key.removesuffix('.jpg')}-blurred-1.jpg"


def without_faces(jpeg: bytes) -> bytes:
    """Where nobody lent a detector the whole photograph counts as one face: little of it is left, but no face. Raises
    NotAPicture."""
    picture = decoded(jpeg)
    if picture is None or not _lent:
        return blurred(jpeg, [MarkedBox(kind="head", box=(0.0, 0.0, 1e6, 1e6), score=1.0)])
    return blurred(jpeg, _lent[0](picture))
