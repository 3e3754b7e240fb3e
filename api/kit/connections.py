"""Connections that bring no request: whoever opens thousands of them must not keep everybody else out."""

import asyncio
import resource
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Of a request's line and headers, some hundred bytes. A proxy sends them at once.
HEAD_S = 30.0
# For the rest of a body that was answered before its end: many programs read the answer only then.
REST_S = 600.0
# The usual first limit, 1,024, is used up by the phones of one town. What systemd and Docker allow is far above.
MOST_OPEN = 65_536


def allow_many() -> None:
    """As many open files and connections as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_OPEN if most == resource.RLIM_INFINITY else min(most, MOST_OPEN)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


class HttpProtocol(H11Protocol):
    """Closes a connection on which the head of a request takes longer than HEAD_S."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            # A socket of IPv6 that takes IPv4 too says ::ffff:192.0.2.1, which no setting names as a proxy's.
            host, port = self.client
            self.client = (host.removeprefix("::ffff:") if "." in host else host, port)
        self._await_request(None, HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._patience is not None:
            self._patience.cancel()

    def on_response_complete(self) -> None:
        answered = self.cycle
        super().on_response_complete()
        self._await_request(answered, REST_S if self.conn.their_state is h11.SEND_BODY else HEAD_S)

    def _await_request(self, after: Any, patience_s: float) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self.loop.call_later(patience_s, self._give_up, after)

    def _give_up(self, after: Any) -> None:
        if self.cycle is after:
            self.transport.close()
