import json
import shutil
from importlib.resources import files
from pathlib import Path

import av
import cv2
import pytest
from typer.testing import CliRunner

import models
from detector.card import Source, default_weights, load_model
from models.cli import app
from models.compare import LEAST_GROUPS
from models.eval_cli import _pictures_and_clips
from models.publish import write_card
from models.split import listed_for, write_learned
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


def test_two_folders_of_weights_are_compared_on_pictures_and_clips(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{}] * LEAST_GROUPS, {f"p{i}": "0 0.5 0.5 0.5 0.5\n" for i in range(LEAST_GROUPS)})
    demo = Path(str(files("configs") / "demo"))
    clip = first_seconds(demo / "kitchen.mp4", folder / "clip.mp4", 1.0)
    clip.with_suffix(".truth.json").write_text((demo / "kitchen.truth.json").read_text())
    shipped = str(default_weights())
    result = run(app, ["eval", str(folder), "--part", "all", "--out", str(tmp_path / "out"), "--compare", shipped, shipped])
    assert result.exit_code == 0, result.output
    assert "no need" in result.output
    assert "to say anything of: clips" in result.output
    assert not (tmp_path / "out").exists()


def test_what_the_weights_have_learned_from_says_nothing_about_them(tmp_path: Path):
    count = LEAST_GROUPS + 2
    boxes = {f"p{i}": "0 0.5 0.5 0.5 0.5\n" for i in range(count)}
    folder = write_folder(tmp_path / "d", [{}] * count, boxes)
    old, new = (shutil.copytree(default_weights(), tmp_path / name) for name in ("old", "new"))
    write_learned(old, [("drawn", "p0.png")])
    write_learned(new, [("drawn", "p0.png"), ("drawn", "p1.png")])
    options = ["--part", "all", "--out", str(tmp_path / "out"), "--compare", str(old), str(new)]
    result = run(app, ["eval", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert "2 pictures are left out" in result.output
    assert f"of {LEAST_GROUPS}" in next(line for line in result.output.splitlines() if line.split()[:2] == ["person", "all"])

    write_learned(new, [("drawn", f"p{i}.png") for i in range(count)])
    result = run(app, ["eval", str(folder), *options])
    assert result.exit_code == 1
    assert "Collect newer verdicts" in result.output


def test_weights_whose_list_of_pictures_is_lost_are_not_measured(tmp_path: Path):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    card, _ = load_model(weights, "attributes")
    shops = Source(source="shop Lotus", licence="ours", pictures=9)
    write_card(card.model_copy(update={"data": [*card.data, shops]}), weights / "attributes.yaml")
    folder = write_folder(tmp_path / "d", [{"source": "shop Lotus"}])
    options = ["--part", "all", "--out", str(tmp_path / "out"), "--compare", str(default_weights()), str(weights)]
    result = run(app, ["eval", str(folder), *options])
    assert result.exit_code == 1
    assert "learned.csv" in result.output
    assert "shop Lotus" in result.output


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


def test_a_part_of_the_test_list_does_not_pass_for_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_folder(tmp_path / "data", [{"group": f"g{i}"} for i in range(8)])
    monkeypatch.setattr("models.eval_cli.SHARED", tmp_path)
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    result = run(app, ["eval", "--weights", str(weights), "--record", "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert f"{len(listed_for('test'))} pictures of the test list are missing" in result.output
    assert load_model(weights, "finder") == load_model(default_weights(), "finder")


def test_stages_of_two_precisions_are_named_by_neither(tmp_path: Path):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    write_card(load_model(weights, "finder", "fp32")[0], weights / "finder.yaml")
    write_card(load_model(weights, "attributes", "int8")[0], weights / "attributes.yaml")
    folder = write_folder(tmp_path / "d", [{}])
    options = [str(folder), "--part", "all", "--weights", str(weights), "--out", str(tmp_path / "out")]
    assert run(app, ["eval", *options]).exit_code == 0
    assert "--precision" not in json.loads((tmp_path / "out" / "figures.json").read_text())["command"]
    result = run(app, ["eval", *options, "--record", "--name", "two"])
    assert result.exit_code == 1
    assert "Say which with --precision" in result.output


def test_figures_of_weights_that_were_replaced_meanwhile_go_into_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    folder = write_folder(tmp_path / "d", [{}], {"p0": "0 0.5 0.5 0.5 0.5\n"})

    def trained_meanwhile(*_: object) -> list[Path]:
        write_card(load_model(weights, "attributes", "fp32")[0], weights / "attributes.yaml")
        return []

    monkeypatch.setattr("models.report.draw", trained_meanwhile)
    options = ["--part", "all", "--out", str(tmp_path / "out"), "--weights", str(weights), "--record", "--name", "one picture"]
    result = run(app, ["eval", str(folder), *options])
    assert result.exit_code == 1
    assert "were replaced while" in result.output
    assert "one picture" not in {m.on for m in load_model(weights, "finder")[0].measured}


def test_a_comparison_that_should_be_recorded_is_refused():
    shipped = str(default_weights())
    assert "--weights FOLDER --record" in run(app, ["eval", "--record", "--compare", shipped, shipped]).output


def test_a_source_that_is_not_there_is_refused_beside_clips_too(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{}])
    for name in ("clip.mp4", "clip.truth.json"):
        (folder / name).touch()
    result = run(app, ["eval", str(folder), "--part", "all", "--only", "smoking", "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "There is no source smoking" in result.output


def test_weights_that_have_learned_from_every_picture_are_not_measured(tmp_path: Path):
    folder = write_folder(tmp_path / "d", [{"group": f"g{i}"} for i in range(8)])
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    write_learned(weights, [("drawn", f"p{i}.png") for i in range(8)])
    result = run(app, ["eval", str(folder), "--weights", str(weights), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "No picture is left" in result.output


def test_a_source_that_either_stage_has_learned_from_is_not_marked_as_new(tmp_path: Path):
    weights = shutil.copytree(default_weights(), tmp_path / "weights")
    card, _ = load_model(weights, "finder")
    write_card(card.model_copy(update={"data": [Source(source="drawn", licence="CC0", pictures=1)]}), weights / "finder.yaml")
    folder = write_folder(tmp_path / "d", [{}], {"p0": "0 0.5 0.5 0.5 0.5\n"})
    result = run(app, ["eval", str(folder), "--part", "all", "--weights", str(weights), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "not trained on" not in result.output


def test_a_file_cannot_hold_the_figures(tmp_path: Path):
    (tmp_path / "out").touch()
    assert run(app, ["eval", str(tmp_path), "--out", str(tmp_path / "out")]).exit_code == 2


def test_an_unknown_part_is_refused(tmp_path: Path):
    assert "Choose train" in run(app, ["eval", str(tmp_path), "--part", "some"]).output
