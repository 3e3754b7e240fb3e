import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.card import default_weights
from models.cli import app
from models.durable import sole_user
from models.left_out import LEAST
from models.places import SHARED
from models.teachers import COCO
from models.train_cli import _simulator, _training_command
from tests.models.data_folder import write_folder

run = CliRunner().invoke


@pytest.fixture
def teachers(tmp_path: Path) -> list[str]:
    """The option that names weights to start from."""
    folder = tmp_path / "teachers"
    folder.mkdir()
    (folder / COCO).touch()
    return ["--teachers", str(folder)]


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that render, none of which runs, in a product that has a training environment and no torch."""
    commands: list[list[str]] = []
    monkeypatch.setattr("models.train_cli._has_torch", lambda: False)
    monkeypatch.setattr("models.train_cli.TRAINING_PYTHON", Path(sys.executable))
    monkeypatch.setattr("subprocess.run", lambda command, **_: commands.append(command))
    monkeypatch.setattr("os.execve", lambda *_: sys.exit(0))
    return commands


@pytest.mark.parametrize("budget", ["soon", "90", "60s", "-1m", "", "nanm", "infh"])
def test_a_budget_that_is_no_time_is_refused(budget: str):
    result = run(app, ["train", f"--budget={budget}"])
    assert result.exit_code == 1
    assert "3m" in result.output or "no time" in result.output


def test_an_environment_that_cannot_render_does_not_train_without_the_stills(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, teachers: list[str]
) -> None:
    monkeypatch.setattr("models.train_cli._has_torch", lambda: True)

    result = run(app, ["train", str(tmp_path), "--work", str(tmp_path), "--simulated", "5", *teachers])

    assert result.exit_code == 1
    assert f"Name {tmp_path / f'simulated-5-0-{_simulator()}'} among the data" in str(result.output) + str(result.exception)


def test_training_says_how_to_make_its_environment(
    tmp_path: Path, teachers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.train_cli.TRAINING_PYTHON", tmp_path / "nowhere")
    monkeypatch.setattr("models.train_cli._has_torch", lambda: False)
    folder = write_folder(tmp_path / "d", [{}])
    result = run(app, ["train", str(folder), "--work", str(tmp_path / "w"), *teachers])
    assert result.exit_code == 1
    assert "scripts/setup train" in result.output


@pytest.mark.parametrize(
    ("given", "added"),
    [([], ["shared/data"]), (["verdicts/"], []), (["./verdicts", "verdicts/../more//"], [])],
    ids=["none", "with-a-slash", "in-other-words"],
)
def test_each_data_folder_is_handed_to_the_training_environment_once(
    given: list[str],
    added: list[str],
    tmp_path: Path,
    teachers: list[str],
    rendered: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for folder in ("shared/data", "verdicts", "more"):
        write_folder(tmp_path / folder, [{"source": folder}])
    stills = write_folder(tmp_path / f"simulated-5-0-{_simulator()}", [{"source": "simulator"}])
    started: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("models.train_cli.SHARED", Path("shared"))
    monkeypatch.setattr("os.execve", lambda _path, command, _environment: started.extend(command) or sys.exit(0))
    arguments = ["train", *given, "--work", str(tmp_path), "--simulated", "5", *teachers]
    monkeypatch.setattr("sys.argv", ["sunshine", "model", *arguments])

    assert run(app, arguments).exit_code == 0
    assert started[3:-1] == [*arguments, *added, str(stills)]
    assert rendered == []


def test_stills_are_rendered_where_the_training_looks_for_them(
    tmp_path: Path, teachers: list[str], rendered: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "verdicts", [{}])
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "verdicts", "--work", "w", "--simulated", "5", *teachers]
    monkeypatch.setattr("sys.argv", ["sunshine", "model", *arguments])

    assert run(app, arguments).exit_code == 0
    assert [command[5] for command in rendered] == [f"w/simulated-5-0-{_simulator()}"]


def test_stills_of_another_simulator_are_not_taken_for_those_of_this_one(
    tmp_path: Path, teachers: list[str], rendered: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "verdicts", [{}])
    write_folder(tmp_path / "w" / f"simulated-5-0-{_simulator()}", [{"source": "simulator"}])
    (tmp_path / "simulator").mkdir()
    (tmp_path / "simulator" / "render.py").write_text("changed = True\n")
    monkeypatch.setattr("models.train_cli.CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "verdicts", "--work", "w", "--simulated", "5", *teachers]
    monkeypatch.setattr("sys.argv", ["sunshine", "model", *arguments])

    assert run(app, arguments).exit_code == 0
    assert len(rendered) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--without", "smoking"], "There is no source smoking"),
        (["--only", "shops"], "There is no source shops"),
        (["--licence", "MIT"], "No licence of these pictures has MIT"),
        (["--simulated", "0", "--without", "simulator"], "There is no source simulator"),
        (["nowhere"], "nowhere"),
        (["--teachers", "nowhere"], "nowhere"),
    ],
)
def test_what_does_not_exist_is_told_before_anything_is_rendered(
    options: list[str], said: str, tmp_path: Path, teachers: list[str], rendered: list[list[str]]
) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    result = run(app, ["train", str(folder), "--work", str(tmp_path / "w"), "--simulated", "5", *teachers, *options])
    assert result.exit_code == 1
    assert said in result.output
    assert rendered == []


def test_stills_that_are_still_to_be_rendered_can_be_named(
    tmp_path: Path, teachers: list[str], rendered: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    options = ["--simulated", "5", "--only", "drawn", "--only", "simulator", "--licence", "rendered by this", "--licence", "CC0"]
    arguments = ["train", str(folder), "--work", str(tmp_path / "w"), *options, *teachers]
    monkeypatch.setattr("sys.argv", ["sunshine", "model", *arguments])
    assert run(app, arguments).exit_code == 0
    assert len(rendered) == 1


def test_two_trainings_do_not_share_a_folder(tmp_path: Path, teachers: list[str], rendered: list[list[str]]) -> None:
    folder = write_folder(tmp_path / "d", [{}])
    with sole_user(tmp_path / "w"):
        result = run(app, ["train", str(folder), "--work", str(tmp_path / "w"), "--simulated", "5", *teachers])
    assert result.exit_code == 1
    assert "Another run is at work" in result.output
    assert rendered == []


@pytest.mark.parametrize(
    ("folders", "without", "command"),
    [
        ([SHARED / "data"], None, "sunshine model train --budget 90m --seed 0"),
        (
            [SHARED / "data", Path("my verdicts")],
            ["smoking877"],
            f"sunshine model train {SHARED / 'data'} 'my verdicts' --budget 90m --seed 0 --without smoking877",
        ),
    ],
)
def test_a_card_names_the_whole_command_that_made_the_weights(
    folders: list[Path], without: list[str] | None, command: str
) -> None:
    given = [("budget", "90m"), ("seed", 0), ("stage", None)]
    assert _training_command(folders, given, [("only", None), ("without", without)]) == command


@pytest.mark.parametrize("stage", [[], ["--stage", "attributes"]])
def test_only_stage_1_goes_on_from_earlier_weights(stage: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.train_cli._has_torch", lambda: True)
    result = run(app, ["train", "--simulated", "0", "--from", str(default_weights() / "finder.onnx"), *stage])
    assert result.exit_code == 1
    assert "--stage finder" in str(result.output) + str(result.exception)


@pytest.mark.parametrize("options", [["--stage", "finder", "--from"], ["--average-with"]])
def test_earlier_weights_that_are_not_there_are_named(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.train_cli._has_torch", lambda: True)
    result = run(app, ["train", "--simulated", "0", *options, str(tmp_path / "missing.onnx")])
    assert result.exit_code == 1
    assert str(tmp_path / "missing.onnx") in str(result.output) + str(result.exception)


def test_stage_1_is_not_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.train_cli._has_torch", lambda: True)
    earlier = str(default_weights() / "attributes.onnx")
    result = run(app, ["train", "--simulated", "0", "--stage", "finder", "--average-with", earlier])
    assert result.exit_code == 1
    assert "Only stage 2 can be averaged" in str(result.output) + str(result.exception)


def test_a_training_without_a_source_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = [{"name": f"{source}{i}", "source": source, "annotated": [6, 7]} for source in "ab" for i in range(LEAST)]
    folder = write_folder(tmp_path / "d", rows)
    started: list[list[str]] = []

    def fail(command: list[str], **_: object) -> None:
        started.append(command)
        raise subprocess.CalledProcessError(3, command)

    monkeypatch.setattr("subprocess.run", fail)
    result = run(app, ["leave-one-out", str(folder), "--work", str(tmp_path / "w"), "--budget", "3m", "--simulated", "5"])
    assert result.exit_code == 1
    assert "The training failed (3)" in result.output
    (command,) = started
    assert command[5:12] == [str(folder), "--without", "a", "--budget", "3m", "--simulated", "5"]
