"""Log lines in one form on edge and centre: to standard error, and never a reason to fail."""

import contextlib
import sys

import structlog


def log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        # Each line in one write: several processes of an edge share the stream.
        logger_factory=structlog.WriteLoggerFactory(_StandardError()),  # type: ignore[arg-type]
    )


class _StandardError:
    """A full disk under the log, or nobody who reads it any more, must not stop an edge from watching
    or a centre from answering. ValueError: it was closed."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
