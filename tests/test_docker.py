"""What the image is made of, as far as it shows without a container engine; bench/RESULTS.md tells of the image itself."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml

from api.kit.settings import Settings

TOP = Path(__file__).parent.parent
COMPOSE = sorted(TOP.glob("docker/*.compose.yaml"))


def test_the_build_is_given_all_that_the_wheel_is_made_of() -> None:
    build = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    let_in = [line[1:] for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    for path in [*build["only-include"], *build["force-include"], "pyproject.toml", "README.md", "LICENSE"]:
        assert any(Path(path).match(pattern) or Path(path).is_relative_to(pattern) for pattern in let_in), path


def test_what_makes_the_wheel_is_installed_with_all_that_it_needs() -> None:
    dockerfile = (TOP / "docker/Dockerfile").read_text()
    names = re.search(r"\(([\w|-]+)\)==/", dockerfile)
    needed = [re.split(r"[\s<>=!~;\[]", one)[0] for one in requires("hatchling") or [] if "python_version < '3.11'" not in one]

    assert names is not None
    assert set(names[1].split("|")) >= {"hatchling", *needed}


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_every_setting_in_a_compose_file_is_one(path: Path) -> None:
    services = yaml.safe_load(path.read_text())["services"]
    named = {name for service in services.values() for name in service.get("environment", {}) if name.startswith("SUNSHINE_")}

    assert {name.removeprefix("SUNSHINE_").lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize(("name", "settings"), [("centre", ".env"), ("edge", "edge.env")])
def test_any_setting_can_be_given(name: str, settings: str) -> None:
    """A mail server, keys, a proxy: what a compose file does not hand on never arrives, and nobody is told."""
    service = yaml.safe_load((TOP / f"docker/{name}.compose.yaml").read_text())["services"][name]

    assert service["env_file"] == [{"path": settings, "required": False}]


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_what_runs_of_ours_can_write_nothing_but_its_data(path: Path) -> None:
    ours = [one for one in yaml.safe_load(path.read_text())["services"].values() if one["image"] == "sunshine-kitchen"]

    assert [(one["read_only"], one["cap_drop"], one["volumes"]) for one in ours] == [(True, ["ALL"], ["data:/data"])]


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_what_runs_of_ours_has_time_to_end(path: Path) -> None:
    """After a signal requests have 8 s, messages that are being sent 5; an engine kills after 10 unless it is told otherwise."""
    ours = [one for one in yaml.safe_load(path.read_text())["services"].values() if one["image"] == "sunshine-kitchen"]

    assert [one["stop_grace_period"] for one in ours] == ["20s"]


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_no_log_grows_for_ever(path: Path) -> None:
    """The driver of an engine that was not set up otherwise keeps every line; `local` keeps 100 MB."""
    services = yaml.safe_load(path.read_text())["services"]

    assert {name: one["logging"] for name, one in services.items()} == {name: {"driver": "local"} for name in services}


def test_the_edge_is_in_the_network_of_the_cameras() -> None:
    """Multicast, by which cameras are found, does not leave a container's own network, and UDP does not come in."""
    assert yaml.safe_load((TOP / "docker/edge.compose.yaml").read_text())["services"]["edge"]["network_mode"] == "host"


def test_the_centre_waits_for_the_server_of_its_database_and_not_for_the_one_that_only_makes_it() -> None:
    """That one listens on no network (the entry point of the image of PostgreSQL: `listen_addresses=''`)."""
    database = yaml.safe_load((TOP / "docker/centre.compose.yaml").read_text())["services"]["database"]

    assert database["healthcheck"]["test"][1:4] == ["pg_isready", "-h", "127.0.0.1"]
