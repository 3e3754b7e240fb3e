"""The place that is assumed where nobody said which: the demo, `--camera` and `sunshine detect`."""

from contract.cameras import CameraConfig
from contract.catalogue import AreaKind, Post


def assumed_place(url: str) -> CameraConfig:
    """A 专间, whole picture, all hours, every post marked for gloves: all rules that a model of ours can see are in force."""
    return CameraConfig(
        id="assumed",
        name=url,
        shop_id="assumed",
        shop_name="",
        area=AreaKind.SPECIAL_ROOM,
        posts=frozenset({Post.GLOVES_REQUIRED}),
        url=url,
    )
