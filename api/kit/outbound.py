"""Requests to addresses that somebody typed in: only to where they may go, and to the very address that was checked.

A name is looked up once per request, every address of it is checked, and the connection is made to that address; the name is used
for the certificate and the Host header alone. So a name that resolves to another address the second time leads nowhere else.
Redirects are not followed, and no proxy of the environment is used: it would look the name up again.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# (host, port) -> addresses as text
Resolver = Callable[[str, int], Awaitable[list[str]]]

# What `is_global` of the standard library lets pass, or answers differently from version to version.
_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
        "168.63.129.16/32",  # a cloud's metadata service on a public address (Azure)
        # All but 2000::/3, the only addresses that are given out (RFC 4291, 2.4). Some of the others carry an IPv4 address for a
        # gateway (::a.b.c.d, ::ffff:0:a.b.c.d, 64:ff9b::a.b.c.d), others are local.
        "::/3", "4000::/2", "8000::/1",
        "2001::/32", "2002::/16",  # Teredo and 6to4 carry one too
        "3fff::/20",  # documentation, RFC 9637
    )
)


class Refused(Exception):
    """The address may not be reached from here; the message says why and what to do."""


class UnknownName(Exception):
    """The name has no address."""


def read_networks(setting: str | None) -> tuple[Network, ...]:
    """`10.1.0.0/16, 192.168.7.2`. Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in (setting or "").split(",") if part.strip())


def check_address(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether the address lies in a network that an administrator allowed; False for an address of the public internet.

    Raises Refused for every other one.
    """
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if any(address in network for network in allowed):
        return True
    if not address.is_global or address.is_multicast or any(address in network for network in _REFUSED):
        raise Refused(
            f"{address} is not on the public internet. An administrator can allow its network: SUNSHINE_OUTBOUND_NETWORKS."
        )
    return False


def check_url(text: str, allowed: Sequence[Network] = ()) -> httpx.URL:
    """The URL, where its form can be used. What its name resolves to is checked when it is asked. Raises Refused."""
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused("This is not a URL. Write it as https://host/path.") from error
    if url.scheme not in ("http", "https") or not url.host or (port is not None and not 0 < port < 65536):
        raise Refused("This is not a URL of the web. Write it as https://host/path.")
    if url.userinfo:
        raise Refused("The URL holds a user name or a password. Leave them out: messages are signed.")
    try:
        is_allowed = check_address(url.host, allowed)
    except ValueError:
        is_allowed = bool(allowed)  # a name: whether it lies in an allowed network shows when it is asked
    if url.scheme == "http" and not is_allowed:
        raise Refused("Messages go out over https only. Write the URL as https://host/path.")
    return url


def guarded_client(allowed: Sequence[Network], timeout_s: float, resolver: Resolver | None = None) -> httpx.AsyncClient:
    """A client for addresses that were typed in. Each wait is at most `timeout_s`; the whole of a request is up to the caller.

    Raises Refused or UnknownName from a request, beside what httpx raises.
    """
    return httpx.AsyncClient(
        transport=_Guarded(allowed, resolver or _resolve), timeout=waits(timeout_s), follow_redirects=False, trust_env=False
    )


@cache
def trusted() -> ssl.SSLContext:
    """The certificates that all our clients trust: to read them takes each of them a twentieth of a second."""
    return httpx.create_ssl_context(trust_env=False)


def waits(timeout_s: float) -> httpx.Timeout:
    """To connect takes at most half of it, so that a peer that is not there can be told from one that does not answer."""
    return httpx.Timeout(timeout_s, connect=timeout_s / 2)


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Guarded(httpx.AsyncBaseTransport):
    def __init__(self, allowed: Sequence[Network], resolver: Resolver) -> None:
        self._allowed = allowed
        self._resolver = resolver
        # No connection is kept: the next one to the same address may be meant for another name, with another certificate.
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=trusted(), limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = check_url(str(request.url), self._allowed)
        addresses = await self._addresses(url)
        failure: httpx.HTTPError | None = None
        for address in addresses:
            sent = httpx.Request(
                request.method, url.copy_with(host=address), headers=request.headers, stream=request.stream,
                extensions={**request.extensions, "sni_hostname": url.host},
            )
            try:
                return await self._inner.handle_async_request(sent)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error  # nothing was sent, so the next address of the name may be tried
        raise failure or UnknownName(url.host)

    async def _addresses(self, url: httpx.URL) -> list[str]:
        """One that may not be reached makes the whole name unusable: nobody has both in earnest."""
        try:
            found = await self._resolver(url.host, url.port or (443 if url.scheme == "https" else 80))
        except (OSError, UnicodeError) as error:
            raise UnknownName(url.host) from error
        are_allowed = [check_address(address, self._allowed) for address in found]
        if url.scheme == "http" and not all(are_allowed):
            raise Refused("Messages go out over https only. Write the URL as https://host/path.")
        return found

    async def aclose(self) -> None:
        await self._inner.aclose()
