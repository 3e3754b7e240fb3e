"""How makers write the addresses of their streams, and how their devices name themselves."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Maker:
    """`main` and `sub` are the paths of the main stream and of the smaller one; `{n}` is the channel, counted from 1. Where there
    are several, one after the other is tried. `names`: what the name or model of a device of theirs has in it."""

    key: str
    name: str
    main: tuple[str, ...]
    sub: tuple[str, ...]
    names: str

    def paths(self, channel: int, is_sub: bool) -> list[str]:
        return [path.format(n=channel) for path in (self.sub if is_sub else self.main)]


# From the makers' own documents; TP-Link's and Ezviz's from memory, where a trial shows whether they hold. The most common
# first: whoever does not know the maker has them tried in this order.
MAKERS = (
    Maker(
        "hikvision", "海康威视 Hikvision", ("/Streaming/Channels/{n}01",), ("/Streaming/Channels/{n}02",),
        r"hikvision|\bds-\d",
    ),
    Maker(
        "dahua", "大华 Dahua", ("/cam/realmonitor?channel={n}&subtype=0",), ("/cam/realmonitor?channel={n}&subtype=1",),
        r"dahua|\bdh-|\bipc-h",
    ),
    # Its rule says c1, its example ch1.
    Maker(
        "uniview", "宇视 Uniview", ("/unicast/c{n}/s0/live", "/unicast/ch{n}/s0/live"),
        ("/unicast/c{n}/s1/live", "/unicast/ch{n}/s1/live"), r"uniview|\bunv\b",
    ),
    # Also Hikvision's own before 2012.
    Maker("ezviz", "萤石 EZVIZ", ("/h264/ch{n}/main/av_stream",), ("/h264/ch{n}/sub/av_stream",), r"ezviz|\bcs-"),
    Maker("tplink", "普联 TP-LINK", ("/stream1",), ("/stream2",), r"tp-?link|\btp-ipc|\btl-(ipc|nvr)"),
)
BY_KEY = {maker.key: maker for maker in MAKERS}
# A large recorder has 256 channels.
MOST_CHANNELS = 256


def maker_of(words: Iterable[str]) -> Maker | None:
    """Whose device says this of itself. A guess: makers sell each other's."""
    told = " ".join(words)
    return next((maker for maker in MAKERS if re.search(maker.names, told, re.IGNORECASE)), None)
