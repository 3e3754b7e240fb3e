"""What is wrong at the other end, asked over a plain socket, where FFmpeg only says "invalid data"."""

from __future__ import annotations

import socket
from contextlib import suppress

from contract.edges import StreamFault
from ingest.address import CameraAddress
from ingest.errors import classify


def probe(address: CameraAddress, timeout_s: float) -> StreamFault | None:
    """Why an RTSP address cannot be opened; None where an RTSP server answers as it should (over TLS: where anybody does).

    Sends one OPTIONS request without credentials, so it never counts as a wrong login.
    """
    try:
        with socket.create_connection((address.host, address.port), timeout=timeout_s) as connection:
            if address.url.startswith("rtsps:"):
                return None
            connection.sendall(f"OPTIONS {address.url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
            answer = b""
            with suppress(ConnectionResetError):
                while len(answer) < 5 and (more := connection.recv(5 - len(answer))):
                    answer += more
    except socket.gaierror:
        return StreamFault.HOST_NOT_FOUND
    except UnicodeError:  # a host name that cannot be written as one (IDNA)
        return StreamFault.HOST_NOT_FOUND
    except TimeoutError:
        return _silent(address, timeout_s)
    except OSError as error:
        return classify(error) or StreamFault.UNREACHABLE
    return None if answer == b"RTSP/" else StreamFault.NOT_RTSP


def _silent(address: CameraAddress, timeout_s: float) -> StreamFault:
    """Nothing there at all, or somebody who takes the connection and says nothing?"""
    try:
        socket.create_connection((address.host, address.port), timeout=timeout_s).close()
    except OSError:
        return StreamFault.UNREACHABLE
    return StreamFault.TIMEOUT
