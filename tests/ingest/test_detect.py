import json
import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ingest.pictures import PictureError, find_files, read_picture

PICTURE = np.random.default_rng(1).integers(0, 255, (90, 160, 3), dtype=np.uint8)


def write(path, suffix=".jpg", image=PICTURE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(suffix, image)[1].tobytes())
    return path


def write_video(path, seconds=3, **options):
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for i in range(seconds * 10):
            frame = av.VideoFrame.from_ndarray(np.full((96, 160, 3), i * 8 % 256, np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def detect(*arguments, **environment):
    command = [sys.executable, "-m", "sunshine", "detect", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | environment)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_pictures_of_every_kind_are_read(tmp_path, suffix):
    assert read_picture(write(tmp_path / f"a{suffix}", suffix)).shape == PICTURE.shape


def test_a_name_may_be_chinese(tmp_path):
    assert read_picture(write(tmp_path / "后厨" / "凉菜间 1.jpg")).shape == PICTURE.shape


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jpg", b"", "not a picture"),
        ("text.jpg", b"no picture at all", "not a picture"),
        ("torn.jpg", cv2.imencode(".jpg", PICTURE)[1].tobytes()[:2000], "torn"),
        ("torn.png", cv2.imencode(".png", PICTURE)[1].tobytes()[:2000], "torn"),
        ("torn.webp", cv2.imencode(".webp", PICTURE)[1].tobytes()[:500], "not a picture"),
    ],
)
def test_bad_pictures_are_refused_in_words(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PictureError, match=words):
        read_picture(tmp_path / name)


def with_preview(jpeg):
    """As cameras write them: a small JPEG inside the segment of the EXIF data."""
    return jpeg[:2] + b"\xff\xe1" + (len(jpeg) + 2).to_bytes(2, "big") + jpeg + jpeg[2:]


def test_a_film_behind_a_picture_does_not_make_it_torn(tmp_path):
    jpeg = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    (tmp_path / "motion.jpg").write_bytes(with_preview(jpeg) + b"ftypmp42 \xff\xda film")
    assert read_picture(tmp_path / "motion.jpg").shape == PICTURE.shape


def test_the_whole_preview_of_a_torn_picture_does_not_hide_it(tmp_path):
    jpeg = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    (tmp_path / "torn.jpg").write_bytes(with_preview(jpeg)[:-2000])
    with pytest.raises(PictureError, match="torn"):
        read_picture(tmp_path / "torn.jpg")


def test_a_folder_that_cannot_be_read_is_told_of(tmp_path, monkeypatch):
    write(tmp_path / "a.jpg")
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def as_somebody_else(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", as_somebody_else)
    assert list(find_files([tmp_path])) == [tmp_path / "a.jpg", tmp_path / "closed"]
    with pytest.raises(PictureError, match="folder"):
        read_picture(tmp_path / "closed")


def test_a_link_that_leads_back_is_not_followed(tmp_path):
    write(tmp_path / "a.jpg")
    (tmp_path / "again").symlink_to(tmp_path)
    assert list(find_files([tmp_path])) == [tmp_path / "a.jpg"]


def test_a_link_to_nothing_is_told_of_and_a_pipe_is_left_alone(tmp_path):
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert list(find_files([tmp_path])) == [tmp_path / "gone.jpg"]
    with pytest.raises(PictureError, match="cannot be read"):
        read_picture(tmp_path / "gone.jpg")


def test_a_missing_file_is_refused_in_words(tmp_path):
    with pytest.raises(PictureError, match="cannot be read"):
        read_picture(tmp_path / "nowhere.jpg")


def test_folders_are_searched_in_name_order(tmp_path):
    names = ["b/2.webp", "a.jpg", "b/10.PNG", "notes.txt", "c.mp4"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in find_files([tmp_path])]
    assert found == ["a.jpg", "b/10.PNG", "b/2.webp", "c.mp4"]


def test_one_line_a_picture_and_the_rest_goes_on(tmp_path):
    good = write(tmp_path / "b.jpg")
    bad = tmp_path / "a.jpg"
    bad.write_bytes(b"nothing")
    status, lines, _ = detect(tmp_path, "--json")
    assert status == 1
    assert [line["source"] for line in lines] == [str(bad), str(good)]
    assert set(lines[0]) == {"source", "error"}
    assert set(lines[1]) == {"source", "time_s", "width", "height", "people", "objects", "violations"}
    assert (lines[1]["time_s"], lines[1]["width"], lines[1]["height"], lines[1]["violations"]) == (None, 160, 90, [])


def test_a_video_is_looked_at_once_a_second(tmp_path):
    status, lines, _ = detect(write_video(tmp_path / "clip.mp4"), "--json")
    assert status == 0
    # A frame may be up to a tenth of the interval early.
    assert [line["time_s"] for line in lines][:3] == pytest.approx([0, 1, 2], abs=0.11)


@pytest.mark.parametrize("interval", ["nan", "inf", "-1", "often"])
def test_an_interval_that_is_no_time_is_refused(tmp_path, interval):
    status, lines, words = detect(write(tmp_path / "a.jpg"), "--json", "--interval", interval)
    assert (status, lines) == (2, [])
    assert "--interval" in words


def test_a_file_that_only_claims_to_be_a_video_is_an_error(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"x" * 5000)
    status, lines, _ = detect(tmp_path / "clip.mp4", "--json")
    assert status == 1
    assert "error" in lines[0]


def test_a_video_whose_end_is_missing_is_looked_at_as_far_as_it_goes(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", seconds=20, movflags="+faststart")
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    status, lines, _ = detect(clip, "--json")
    assert status == 1
    assert all("people" in line for line in lines[:-1])
    assert 5 <= lines[-2]["time_s"] <= 17
    assert "cut off" in lines[-1]["error"]


def test_annotated_pictures_are_written(tmp_path):
    picture = write(tmp_path / "in" / "a.jpg")
    assert detect(picture, "--json", "--draw", tmp_path / "out")[0] == 0
    (drawn,) = (tmp_path / "out").iterdir()
    assert read_picture(drawn).shape == PICTURE.shape


def test_drawings_of_pictures_with_one_name_are_kept_apart(tmp_path):
    write(tmp_path / "a.jpg")
    write(tmp_path / "a.png", ".png")
    assert detect(tmp_path, "--json", "--draw", tmp_path / "out")[0] == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_name_that_the_terminal_cannot_show_is_escaped(tmp_path):
    name = os.fsencode(tmp_path / "后厨-é-🍜-") + b"\xe9.jpg"
    Path(os.fsdecode(name)).write_bytes(write(tmp_path / "in" / "a.jpg").read_bytes())
    status, (line,), _ = detect(os.fsdecode(name), "--json", PYTHONIOENCODING="ascii")
    assert status == 0
    assert os.fsencode(line["source"]) == name


def test_an_empty_folder_is_no_error_but_is_told_of(tmp_path):
    status, lines, words = detect(tmp_path, "--json")
    assert (status, lines) == (0, [])
    assert "no pictures" in words


def test_a_folder_for_drawings_that_cannot_be_made_is_refused_before_anything_is_looked_at(tmp_path):
    picture = write(tmp_path / "a.jpg")
    status, lines, words = detect(picture, "--json", "--draw", picture)
    assert (status, lines) == (2, [])
    assert "Traceback" not in words


def test_wrong_weights_are_named(tmp_path):
    status, lines, errors = detect(tmp_path, "--json", "--weights", tmp_path)
    assert (status, lines) == (2, [])
    assert "finder.yaml" in errors
    assert "Traceback" not in errors
