import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import pytest
from httpcore._backends.anyio import AnyIOStream

from api.kit.outbound import Refused, UnknownName, check_address, check_url, guarded_client, read_networks

# One of each network that must not be reached, and the ways to write an address of IPv4 inside one of IPv6.
REFUSED = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "2001:db8::1", "2002:7f00:1::1", "2001:0:7f00:1::1", "::ffff:0:7f00:1", "5f00::1", "3fff::1", "4000::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_refused(address: str):
    with pytest.raises(Refused):
        check_address(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "::ffff:1.1.1.1", "2606:4700:4700::1111", "2400:3200::1"])
def test_addresses_of_the_public_internet(address: str):
    assert check_address(address) is False


def test_an_allowed_network_is_that_network_only():
    allowed = read_networks("10.1.0.0/16, 192.168.7.2")
    assert check_address("10.1.9.9", allowed) is True
    assert check_address("::ffff:192.168.7.2", allowed) is True
    for other in ("10.2.0.1", "192.168.7.3"):
        with pytest.raises(Refused, match="SUNSHINE_OUTBOUND_NETWORKS"):
            check_address(other, allowed)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "ftp://example.org/", "https://", "https://user:pass@example.org/", "http://example.org/",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:7f00:1]/", "https://example.org:0/", "https://example.org:99999/",
        "http://1.1.1.1/", "https://[::1/",
    ],
)
def test_urls_that_are_refused_before_anything_is_asked(url: str):
    with pytest.raises(Refused):
        check_url(url)


@dataclass
class Listener:
    """Counts connections and answers each request with 200."""

    host: str
    port: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()


@pytest.fixture
async def two_listeners() -> AsyncIterator[tuple[Listener, Listener]]:
    """On two addresses of this machine, at the same port."""
    one, other = Listener("127.0.0.2"), Listener("127.0.0.1")
    while True:
        first = await asyncio.start_server(one.serve, one.host, 0)
        one.port = other.port = first.sockets[0].getsockname()[1]
        try:
            second = await asyncio.start_server(other.serve, other.host, other.port)
            break
        except OSError:  # a port that is free on one address may be taken on the other
            first.close()
    yield one, other
    first.close()
    second.close()


async def test_the_address_that_was_checked_is_the_one_that_is_reached(two_listeners: tuple[Listener, Listener]):
    """A name that resolves to another address the second time: no second look-up happens inside a request, and the next request
    checks what it is told then."""
    good, hidden = two_listeners
    answers = [[good.host], [hidden.host]]
    asked: list[str] = []

    async def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    async with guarded_client(read_networks("127.0.0.2/32"), 10, resolver) as client:
        url = f"http://rebinding.example:{good.port}/hook"
        assert (await client.post(url)).status_code == 200
        with pytest.raises(Refused):
            await client.post(url)
    assert asked == ["rebinding.example"] * 2
    assert f"Host: rebinding.example:{good.port}".encode() in good.requests[0]
    assert hidden.requests == []


async def test_one_bad_address_makes_the_name_unusable(two_listeners: tuple[Listener, Listener]):
    good, hidden = two_listeners

    async def resolver(_host: str, _port: int) -> list[str]:
        return [good.host, hidden.host]

    async with guarded_client(read_networks("127.0.0.2/32"), 10, resolver) as client:
        with pytest.raises(Refused):
            await client.get(f"http://both.example:{good.port}/")
    assert good.requests == hidden.requests == []


async def test_the_next_address_is_tried_where_one_does_not_listen(two_listeners: tuple[Listener, Listener]):
    good, _ = two_listeners

    async def resolver(_host: str, _port: int) -> list[str]:
        return ["127.0.0.3", good.host]

    async with guarded_client(read_networks("127.0.0.2/31"), 10, resolver) as client:
        assert (await client.get(f"http://two.example:{good.port}/")).status_code == 200


async def test_not_over_http_to_a_name_outside_the_allowed_networks():
    async def resolver(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "1.1.1.1"]

    async with guarded_client(read_networks("127.0.0.2/32"), 10, resolver) as client:
        with pytest.raises(Refused, match="https only"):
            await client.get("http://outside.example:1/")


async def test_no_connection_is_kept_for_another_name_at_the_same_address():
    """Its certificate was checked for the first name only."""
    connections: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append("opened")
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def resolver(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2"]

    server = await asyncio.start_server(serve, "127.0.0.2", 0)
    port = server.sockets[0].getsockname()[1]
    async with guarded_client(read_networks("127.0.0.2/32"), 10, resolver) as client:
        for name in ("one.example", "other.example"):
            await client.get(f"http://{name}:{port}/")
    server.close()
    assert connections == ["opened", "opened"]


@pytest.mark.parametrize("written", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
async def test_other_ways_to_write_this_machine(written: str):
    async with guarded_client((), 10) as client:
        with pytest.raises((Refused, UnknownName, httpx.InvalidURL)):
            await client.get(f"https://{written}:1/")


async def test_a_name_that_nobody_has():
    async def resolver(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    async with guarded_client((), 10, resolver) as client:
        with pytest.raises(UnknownName):
            await client.get("https://nobody.example/")


async def test_the_certificate_is_checked_against_the_name(monkeypatch: pytest.MonkeyPatch):
    """The connection is made to an address, but the server is asked for the name, and must prove the name."""
    asked: list[str] = []

    async def start_tls(stream: AnyIOStream, ssl_context: ssl.SSLContext, server_hostname: str, **_: float) -> None:
        assert ssl_context.check_hostname
        asked.append(server_hostname)
        await stream.aclose()
        raise httpx.ConnectError("far enough")

    async def resolver(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2"]

    monkeypatch.setattr(AnyIOStream, "start_tls", start_tls)
    listener = Listener("127.0.0.2")
    server = await asyncio.start_server(listener.serve, listener.host, 0)
    port = server.sockets[0].getsockname()[1]
    async with guarded_client(read_networks("127.0.0.2/32"), 10, resolver) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://partner.example:{port}/")
    server.close()
    assert asked == ["partner.example"]
