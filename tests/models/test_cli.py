import json
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import av
import cv2
import pytest
from typer.testing import CliRunner

import models
from detector.card import default_weights, load_model
from models.cli import SHARED, _pictures_and_clips, _training_command, app
from models.left_out import LEAST
from models.publish import write_card
from models.split import write_learned
from tests.models.data_folder import write_folder

run = CliRunner().invoke


def first_seconds(clip: Path, out: Path, seconds: float = 5.0) -> Path:
    """The beginning of a clip, packet by packet."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is None or packet.pts * packet.time_base > seconds:
                break
            packet.stream = stream
            target.mux(packet)
    return out


def test_help_needs_no_torch():
    code = "import sys, models.cli; print([m for m in ('torch', 'ultralytics', 'onnx', 'cv2') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("budget", ["soon", "90", "60s", "-1m", "", "nanm", "infh"])
def test_a_budget_that_is_no_time_is_refused(budget: str):
    result = run(app, ["train", f"--budget={budget}"])
    assert result.exit_code == 1
    assert "3m" in result.output or "no time" in result.output


def test_an_environment_that_cannot_render_does_not_train_without_the_stills(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("models.cli._has_torch", lambda: True)

    result = run(app, ["train", str(tmp_path), "--work", str(tmp_path), "--simulated", "5"])

    assert result.exit_code == 1
    assert f"Name {tmp_path / 'simulated-5-0'} among the data" in str(result.output) + str(result.exception)


def test_training_says_how_to_make_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.cli.TRAINING_PYTHON", tmp_path / "nowhere")
    monkeypatch.setattr("models.cli._has_torch", lambda: False)
    result = run(app, ["train", str(tmp_path)])
    assert result.exit_code == 1
    assert "scripts/setup train" in result.output


@pytest.mark.parametrize(
    ("given", "added"),
    [([], [str(SHARED / "data")]), (["verdicts/"], []), (["./verdicts", "../more//data"], [])],
    ids=["none", "with-a-slash", "in-other-words"],
)
def test_each_data_folder_is_handed_to_the_training_environment_once(
    given: list[str], added: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stills = tmp_path / "simulated-5-0"
    stills.mkdir()
    (stills / "manifest.jsonl").touch()
    started: list[str] = []
    monkeypatch.setattr("models.cli._has_torch", lambda: False)
    monkeypatch.setattr("models.cli.TRAINING_PYTHON", Path(sys.executable))
    monkeypatch.setattr("os.execve", lambda _path, command, _environment: started.extend(command) or sys.exit(0))
    arguments = ["train", *given, "--work", str(tmp_path), "--simulated", "5"]
    monkeypatch.setattr("sys.argv", ["sunshine", "model", *arguments])

    assert run(app, arguments).exit_code == 0
    assert started[3:-1] == [*arguments, *added, str(stills)]


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
    monkeypatch.setattr("models.cli._has_torch", lambda: True)
    result = run(app, ["train", "--simulated", "0", "--from", str(default_weights() / "finder.onnx"), *stage])
    assert result.exit_code == 1
    assert "--stage finder" in str(result.output) + str(result.exception)


def test_weights_to_go_on_from_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.cli._has_torch", lambda: True)
    result = run(app, ["train", "--simulated", "0", "--stage", "finder", "--from", str(tmp_path / "finder.onnx")])
    assert result.exit_code == 1
    assert str(tmp_path / "finder.onnx") in str(result.output) + str(result.exception)


def test_measuring_needs_a_data_folder(tmp_path: Path):
    result = run(app, ["eval", str(tmp_path)])
    assert result.exit_code == 1
    assert "manifest.jsonl" in result.output


def test_measuring_leaves_a_table_figures_and_pictures(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{"annotated": [0, 1, 2]}], {"p0": "0 0.5 0.5 0.5 0.5\n1 0.5 0.3 0.2 0.2\n"})
    result = run(app, ["eval", str(folder), "--part", "all", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "person" in result.output
    measured = json.loads((tmp_path / "out" / "figures.json").read_text())
    precision = load_model(default_weights(), "attributes")[0].precision
    assert measured["command"] == f"sunshine model eval {folder} --part all --precision {precision}"
    found = {(f["subject"], f["measure"]) for f in measured["figures"]}
    assert found >= {("person", "AP"), ("no cap", "recall at 95 % precision")}
    assert measured["confusion"] == {"cap": {"missing": {"not found": 1}}}
    pictures = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert pictures == {"confusion-cap.png", "precision-recall.png", "reliability.png", "worst.png"}
    assert all(cv2.imread(str(tmp_path / "out" / name)) is not None for name in pictures)


def test_a_torn_picture_is_named_and_left_out(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{}, {}], {"p0": "0 0.5 0.5 0.5 0.5\n", "p1": "0 0.5 0.5 0.5 0.5\n"})
    whole = (folder / "images" / "p0.png").read_bytes()
    (folder / "images" / "p0.png").write_bytes(whole[: len(whole) // 2])
    result = run(app, ["eval", str(folder), "--part", "all", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    measured = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert "p0.png" in measured["torn"][0]
    assert [f["count"] for f in measured["figures"] if (f["subject"], f["measure"], f["part"]) == ("person", "AP", "all")] == [1]


def test_clips_with_their_truth_are_measured_too(tmp_path: Path):
    demo = Path(str(files("configs") / "demo"))
    clip = first_seconds(demo / "kitchen.mp4", tmp_path / "clip.mp4")
    clip.with_suffix(".truth.json").write_text((demo / "kitchen.truth.json").read_text())
    result = run(app, ["eval", str(clip), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    (found,) = [line for line in result.output.splitlines() if line.split()[:3] == ["events", "found", "all"]]
    assert "of 4" in found


def test_two_folders_of_weights_are_compared(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{}, {}], {"p0": "0 0.5 0.5 0.5 0.5\n", "p1": "0 0.5 0.5 0.5 0.5\n"})
    shipped = str(default_weights())
    result = run(app, ["eval", str(folder), "--part", "all", "--out", str(tmp_path / "out"), "--compare", shipped, shipped])
    assert result.exit_code == 0, result.output
    assert "no need" in result.output
    assert not (tmp_path / "out").exists()


def test_what_the_weights_have_learned_from_says_nothing_about_them(tmp_path: Path):
    boxes = {f"p{i}": "0 0.5 0.5 0.5 0.5\n" for i in range(4)}
    folder = write_folder(tmp_path / "d", [{}] * 4, boxes)
    old, new = (shutil.copytree(default_weights(), tmp_path / name) for name in ("old", "new"))
    write_learned(old, [("drawn", "p0.png")])
    write_learned(new, [("drawn", "p0.png"), ("drawn", "p1.png")])
    options = ["--part", "all", "--out", str(tmp_path / "out"), "--compare", str(old), str(new)]
    result = run(app, ["eval", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert "2 pictures are left out" in result.output
    assert "of 2" in next(line for line in result.output.splitlines() if line.split()[:2] == ["person", "all"])

    write_learned(new, [("drawn", f"p{i}.png") for i in range(4)])
    result = run(app, ["eval", str(folder), *options])
    assert result.exit_code == 1
    assert "Collect newer verdicts" in result.output


def test_pictures_and_clips_of_one_folder_are_both_measured(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{}], {"p0": "0 0.5 0.5 0.5 0.5\n"})
    (folder / "clip.mp4").touch()
    (folder / "clip.truth.json").touch()
    pictures, clips = _pictures_and_clips([folder])
    assert [picture.name for picture in pictures] == ["p0.png"]
    assert clips == [folder / "clip.mp4"]


def test_a_variant_that_is_not_there_says_how_to_make_it(tmp_path: Path):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    card, _ = load_model(weights, "attributes")
    write_card(card.model_copy(update={"variants": []}), weights / "attributes.yaml")
    folder = write_folder(tmp_path / "d", [{}])
    options = ["--part", "all", "--out", str(tmp_path / "out"), "--weights", str(weights), "--precision", "int8"]
    result = run(app, ["eval", str(folder), *options])
    assert result.exit_code == 1
    assert "sunshine model quantise" in result.output


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_variant_is_made_the_default(tmp_path: Path, precision: str):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    assert run(app, ["use", precision, "--weights", str(weights)]).exit_code == 0
    for name in ("finder", "attributes"):
        card, content = load_model(weights, name)
        assert card.precision == precision
        assert content == load_model(weights, name, precision)[1]


def test_pictures_of_people_do_not_go_into_the_checkout(tmp_path: Path):
    result = run(app, ["eval", str(tmp_path), "--out", str(Path(models.__file__).parent / "out")])
    assert result.exit_code == 1
    assert "--out" in result.output


def test_figures_go_into_the_cards_on_request(tmp_path: Path):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    folder = write_folder(tmp_path / "d", [{}], {"p0": "0 0.5 0.5 0.5 0.5\n"})
    options = ["--part", "all", "--out", str(tmp_path / "out"), "--weights", str(weights), "--record", "--name", "one picture"]
    assert run(app, ["eval", str(folder), *options]).exit_code == 0
    (measured,) = [m for m in load_model(weights, "finder")[0].measured if m.on == "one picture"]
    assert [(f.subject, f.count) for f in measured.figures if (f.measure, f.part) == ("AP", "all")] == [("person", 1)]


def test_figures_of_other_pictures_do_not_pass_for_those_of_the_test_list(tmp_path: Path):
    result = run(app, ["eval", str(tmp_path), "--record", "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "--name" in result.output


def test_an_unknown_part_is_refused(tmp_path: Path):
    assert "Choose train" in run(app, ["eval", str(tmp_path), "--part", "some"]).output


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
