"""What a process and all its descendants cost, from /proc (Linux)."""

import os
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and its living descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _fields(stat)
        except OSError:  # it has just ended
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    """User and system seconds of the family so far, with those of children that have ended and were waited for."""
    ticks = 0
    for one in family(pid):
        try:
            ticks += sum(int(field) for field in _fields(Path(f"/proc/{one}/stat"))[11:15])
        except OSError:
            continue
    return ticks / TICKS_A_SECOND


def pss_mb(pid: int) -> float:
    """Proportional set size of the family in MB: what it would give back, shared pages counted once."""
    kib = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kib += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return kib * 1024 / 1e6


def _fields(stat: Path) -> list[str]:
    """What follows the name, which may hold anything: state, parent, ... (proc(5))."""
    return stat.read_text().rpartition(")")[2].split()
