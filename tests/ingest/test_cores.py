import os
from pathlib import Path

import pytest

from ingest.cores import cores

V1, V2 = "4:cpu,cpuacct:/docker/abc\n1:memory:/other\n0::/\n", "0::/kitchen.slice/edge.service\n"


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        pytest.param(V2, {"cpu.max": "400000 100000\n"}, 4, id="a container"),
        pytest.param(V2, {"cpu.max": "max 100000\n"}, 16, id="a container without a quota"),
        pytest.param(V2, {"cpu.max": "250000 100000\n"}, 2, id="a part of a core"),
        pytest.param(V2, {"cpu.max": "50000 100000\n"}, 1, id="less than a core"),
        pytest.param(V2, {"cpu.max": "3200000 100000\n"}, 16, id="more than there is"),
        pytest.param(V2, {"kitchen.slice/edge.service/cpu.max": "300000 100000\n"}, 3, id="a service"),
        pytest.param(
            V2, {"kitchen.slice/cpu.max": "200000 100000\n", "kitchen.slice/edge.service/cpu.max": "300000 100000\n"}, 2,
            id="less for the groups around it",
        ),
        pytest.param(V2, {"another.slice/cpu.max": "200000 100000\n"}, 16, id="the group of others"),
        pytest.param(V1, {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 4, id="version 1"),
        pytest.param(V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 16, id="version 1, none"),
        pytest.param(
            V1, {"cpu/docker/abc/cpu.cfs_quota_us": "700000\n", "cpu/docker/abc/cpu.cfs_period_us": "100000\n"}, 7,
            id="version 1, seen from outside",
        ),
        pytest.param(None, {}, 16, id="no Linux"),
    ],
)
def test_a_quota_counts(tmp_path: Path, own: str | None, files: dict[str, str], expected: int):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    groups = tmp_path / "own"
    if own is not None:
        groups.write_text(own)
    assert cores(tmp_path, groups) == expected
