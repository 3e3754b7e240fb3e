"""A PostgreSQL server of our own for the tests: in a temporary folder, reached through a socket file only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PostgresMissing(Exception):
    """No server program is installed; the message says where it was looked for."""


MEMORY = Path("/dev/shm")
# Of a server and the few databases that it has at a time, with room for those of other test processes.
ENOUGH_BYTES = 2 * 2**30


def _memory() -> Path | None:
    """Where a database of three hundred files is made and removed in a tenth of the time, if there is room."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES else None


@contextmanager
def running_server(*, in_memory: bool = False) -> Iterator[str]:
    """Yields a URL with `{name}` in the place of the database's name. `in_memory`: for small databases, where there is room."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not binaries:
        raise PostgresMissing("PostgreSQL is not installed under /usr/lib/postgresql")
    # Not pytest's temporary folder: the server runs as another user, who may not enter there.
    folder = Path(tempfile.mkdtemp(prefix="sunshine-pg-", dir=_memory() if in_memory else None))
    as_server: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_server = ["runuser", "-u", "postgres", "--"]

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_server, str(binaries[-1] / program), *arguments], check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, cwd=folder,
        )

    data = str(folder / "data")
    try:
        call("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c full_page_writes=off"
        options += " -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=64MB -c max_connections=40"
        call("pg_ctl", "-D", data, "-w", "-t", "300", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql+psycopg://postgres@/{{name}}?host={folder}"
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
