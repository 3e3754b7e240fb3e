"""Payloads and packets, byte for byte."""

from __future__ import annotations

import struct

import pytest

from ingest.rtp import AccessUnit, RtpSender, nal_length_size, parameter_sets, payloads, split_nals

H264_IDR = bytes([0x65])
H265_IDR = bytes([0x26, 0x01])


def reassemble(codec: str, bodies: list[bytes]) -> bytes:
    """One NAL unit from its fragments, as RFC 6184 (5.8) and RFC 7798 (4.4.3) tell a receiver to."""
    if codec == "h264":
        return bytes([bodies[0][0] & 0xE0 | bodies[0][1] & 0x1F]) + b"".join(body[2:] for body in bodies)
    return bytes([bodies[0][0] & 0x81 | (bodies[0][2] & 0x3F) << 1, bodies[0][1]]) + b"".join(body[3:] for body in bodies)


@pytest.mark.parametrize(("codec", "head"), [("h264", H264_IDR), ("hevc", H265_IDR)])
@pytest.mark.parametrize("size", [101, 102, 195, 196, 1000])
def test_a_large_nal_unit_is_fragmented(codec: str, head: bytes, size: int) -> None:
    nal = head + bytes(n % 251 for n in range(size - len(head)))

    bodies = list(payloads(codec, [nal], limit=100))

    assert max(map(len, bodies)) <= 100
    flags = [body[len(head)] >> 6 for body in bodies]
    assert flags == [2] + [0] * (len(bodies) - 2) + [1]
    assert reassemble(codec, bodies) == nal


def test_small_nal_units_are_sent_as_they_are() -> None:
    nals = [b"\x67abc", b"\x68d", b"\x65" + bytes(99)]

    assert list(payloads("h264", nals, limit=100)) == nals


def test_packets_are_numbered_and_the_last_one_is_marked() -> None:
    sender = RtpSender("h264")
    sender.sequence = 0xFFFF

    packets = sender.packets(AccessUnit([b"\x67a", b"\x65" + bytes(3000)], 1.0, 1.0, True))

    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [head[1] >> 7 for head in heads] == [0, 0, 0, 1]
    assert [head[2] for head in heads] == [0xFFFF, 0, 1, 2]
    assert {head[3] for head in heads} == {sender.timestamp(1.0)}
    assert (sender.timestamp(2.0) - sender.timestamp(1.0)) % 2**32 == 90_000


def test_a_sender_report_ties_the_stream_to_the_wall_clock() -> None:
    sender = RtpSender("h264")
    sender.packets(AccessUnit([b"\x65abc"], 0.0, 0.0, True))

    fields = struct.unpack("!BBHIIIIII", sender.sender_report(0.0, 1_700_000_000.5))

    assert fields[1:4] == (200, 6, sender.ssrc)
    assert fields[4:] == (1_700_000_000 + 2_208_988_800, 2**31, sender.timestamp(0.0), 1, 4)


@pytest.mark.parametrize(
    ("data", "length_size", "nals"),
    [
        (b"\0\0\0\1ab\0\0\1cd\0\0\0\1e", 0, [b"ab", b"cd", b"e"]),
        (b"\0\0\0\2ab\0\0\0\1c", 4, [b"ab", b"c"]),
        (b"\2ab\1c", 1, [b"ab", b"c"]),
        (b"\0\0\0\2ab\0\0\0\x09c", 4, [b"ab"]),
        (b"", 0, []),
        (b"no start code", 0, []),
    ],
    ids=["annex-b", "lengths", "short-lengths", "cut-off", "nothing", "garbage"],
)
def test_split_nals(data: bytes, length_size: int, nals: list[bytes]) -> None:
    assert split_nals(data, length_size) == nals


def test_parameter_sets_of_h264() -> None:
    record = bytes([1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, 3]) + b"\x67ab" + bytes([1, 0, 2]) + b"\x68c"

    assert nal_length_size("h264", record) == 4
    assert parameter_sets("h264", record) == [b"\x67ab", b"\x68c"]


def test_parameter_sets_of_h265() -> None:
    record = bytes([1]) + bytes(20) + bytes([3, 2]) + bytes([0xA0, 0, 1, 0, 2]) + b"\x40a" + bytes([0xA1, 0, 1, 0, 3]) + b"\x42bc"

    assert nal_length_size("hevc", record) == 4
    assert parameter_sets("hevc", record) == [b"\x40a", b"\x42bc"]


def test_parameter_sets_of_a_raw_stream() -> None:
    assert parameter_sets("h264", b"\0\0\0\1\x67ab\0\0\1\x68c") == [b"\x67ab", b"\x68c"]
