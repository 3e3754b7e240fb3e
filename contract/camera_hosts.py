"""Which machines are no camera of a shop's: the edge box itself, and what only its own network or its cloud may talk to."""

import ipaddress
import socket

_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32",
        "::/128", "::1/128", "fe80::/10", "fec0::/10", "ff00::/8",
        # Where clouds tell a machine its own credentials, beside 169.254.169.254: Alibaba, Azure, Oracle, AWS, Google.
        "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128",
    )
)
# IPv4 in IPv6's clothes: RFC 4291 2.5.5, 6052. The machine is the one inside.
_CLOTHED = tuple(ipaddress.ip_network(network) for network in ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))
# RFC 1918, and this machine itself, where a camera of the demo is.
_LOCAL = tuple(ipaddress.ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8"))
_NAMES = ("localhost", "metadata.google.internal")


def is_forbidden_address(text: str) -> bool:
    """Raises ValueError when the text is no IP address."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        is_clothed = any(address in network for network in _CLOTHED) and int(address) > 1
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if is_clothed else address.sixtofour or address
    return any(address in network for network in _NEVER)


def is_local_address(text: str) -> bool:
    """Whether it is an IPv4 address that only a network of somebody's own has."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return any(address in network for network in _LOCAL)


def is_forbidden_host(host: str) -> bool:
    """The same of a host as it is typed. What a name leads to shows only where it is looked up."""
    host = host.rstrip(".").lower()
    try:
        return is_forbidden_address(host)
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001 and 2130706433 are addresses to the C library.
        return is_forbidden_address(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        return any(host == name or host.endswith(f".{name}") for name in _NAMES)
