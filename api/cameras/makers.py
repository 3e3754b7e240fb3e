"""How makers write the addresses of their streams."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Maker:
    """`main` and `sub` are the paths of the main stream and of the smaller one; `{n}` is the channel, counted from 1. Where there
    are several, one after the other is tried."""

    key: str
    name: str
    main: tuple[str, ...]
    sub: tuple[str, ...]

    def paths(self, channel: int, is_sub: bool) -> list[str]:
        return [path.format(n=channel) for path in (self.sub if is_sub else self.main)]


# From the makers' own documents; TP-Link's and Ezviz's from memory, where a trial shows whether they hold. The most common
# first: whoever does not know the maker has them tried in this order.
MAKERS = (
    Maker("hikvision", "海康威视 Hikvision", ("/Streaming/Channels/{n}01",), ("/Streaming/Channels/{n}02",)),
    Maker("dahua", "大华 Dahua", ("/cam/realmonitor?channel={n}&subtype=0",), ("/cam/realmonitor?channel={n}&subtype=1",)),
    # Its rule says c1, its example ch1.
    Maker(
        "uniview", "宇视 Uniview", ("/unicast/c{n}/s0/live", "/unicast/ch{n}/s0/live"),
        ("/unicast/c{n}/s1/live", "/unicast/ch{n}/s1/live"),
    ),
    # Also Hikvision's own before 2012.
    Maker("ezviz", "萤石 EZVIZ", ("/h264/ch{n}/main/av_stream",), ("/h264/ch{n}/sub/av_stream",)),
    Maker("tplink", "普联 TP-LINK", ("/stream1",), ("/stream2",)),
)
BY_KEY = {maker.key: maker for maker in MAKERS}
# A large recorder has 256 channels.
MOST_CHANNELS = 256
