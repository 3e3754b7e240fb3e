"""Ports of loopback for tests that must know one before anybody listens there."""

import socket


def hold_port() -> socket.socket:
    """A socket that holds a free port without listening: whoever calls there is refused, nobody else is given the port, and one
    server may listen there, now and again, since servers set SO_REUSEADDR too.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder
