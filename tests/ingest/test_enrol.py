import base64
import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from contract.edges import EnrolRequest
from ingest.centre import Centre
from ingest.edge_cli import app
from ingest.enrol import EnrolError, enrol
from ingest.identity import EdgeBusy, read_identity, sole_user
from tests.ingest.edge_world import problem

URL = "https://centre.test"
ANSWER = {"edge_id": "edge-1", "centre": "District 3"}


class Desk:
    """The centre's enrolment: gives one prepared answer after the other, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[EnrolRequest] = []

    def connect(self, url: str) -> Centre:
        return Centre(url, transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(EnrolRequest.model_validate(json.loads(request.content)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ok() -> httpx.Response:
    return httpx.Response(201, json=ANSWER)


def test_registers_the_keys_it_keeps(tmp_path: Path):
    desk = Desk(ok())
    registration = enrol(tmp_path, URL, " CODE-1234 ", "Kitchen PC", desk.connect)
    assert (registration.edge_id, registration.centre_url, registration.centre_name) == ("edge-1", URL, "District 3")
    kept = read_identity(tmp_path)
    assert kept is not None
    assert kept.registration == registration
    asked = desk.asked[0]
    assert (asked.code, asked.name) == ("CODE-1234", "Kitchen PC")
    assert base64.b64decode(asked.public_key) == kept.keys.signing.public_key().public_bytes_raw()
    assert base64.b64decode(asked.encryption_key) == kept.keys.encryption.public_key().public_bytes_raw()


def test_already_enrolled(tmp_path: Path):
    enrol(tmp_path, URL, "CODE-1234", "edge", Desk(ok()).connect)
    desk = Desk(ok())
    with pytest.raises(EnrolError, match=r"at https://centre\.test as edge-1\..*delete .*/identity\.json first: .* put aside"):
        enrol(tmp_path, URL, "CODE-5678", "edge", desk.connect)
    assert desk.asked == []


def test_code_expired(tmp_path: Path):
    desk = Desk(problem(403, "The code is unknown, used or too old. Make a new one in the console."))
    with pytest.raises(EnrolError, match=r"did not enrol this edge\. The code is unknown, used or too old"):
        enrol(tmp_path, URL, "CODE-1234", "edge", desk.connect)


def test_centre_not_reachable(tmp_path: Path):
    with pytest.raises(EnrolError, match="cannot be reached"):
        enrol(tmp_path, URL, "CODE-1234", "edge", Desk(httpx.ConnectError("refused")).connect)


def test_code_that_cannot_be_one(tmp_path: Path):
    with pytest.raises(EnrolError, match="6 to 64 characters"):
        enrol(tmp_path, URL, "12", "edge", Desk().connect)


def test_lost_answer_is_asked_for_again_with_the_same_keys(tmp_path: Path):
    desk = Desk(httpx.ReadTimeout("lost"), ok())
    with pytest.raises(EnrolError):
        enrol(tmp_path, URL, "CODE-1234", "edge", desk.connect)
    enrol(tmp_path, URL, "CODE-1234", "edge", desk.connect)
    assert desk.asked[0].public_key == desk.asked[1].public_key


def test_keys_that_the_centre_knows_already_are_replaced(tmp_path: Path):
    desk = Desk(problem(409, "This key is registered already."), ok())
    enrol(tmp_path, URL, "CODE-1234", "edge", desk.connect)
    kept = read_identity(tmp_path)
    assert desk.asked[0].public_key != desk.asked[1].public_key
    assert kept is not None
    assert base64.b64decode(desk.asked[1].public_key) == kept.keys.signing.public_key().public_bytes_raw()


def test_running_edge_is_not_enrolled_over(tmp_path: Path):
    with sole_user(tmp_path), pytest.raises(EdgeBusy):
        enrol(tmp_path, URL, "CODE-1234", "edge", Desk().connect)


def test_centre_that_cannot_be_reached_is_told_in_a_sentence_alone(tmp_path: Path, closed_port: int):
    arguments = ["enroll", "--centre", f"http://127.0.0.1:{closed_port}", "--code", "123456", "--data", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("The centre at http://127.0.0.1:")
    assert result.stderr.count("\n") == 1


def test_folder_that_is_a_file_is_told_in_a_sentence(tmp_path: Path):
    (tmp_path / "file").touch()
    arguments = ["enroll", "--centre", "http://127.0.0.1:1", "--code", "123456", "--data", str(tmp_path / "file")]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("The edge's folder cannot be used: ")


def test_what_an_identity_that_is_gone_has_left_is_put_aside(tmp_path: Path):
    """A new key begins chains of its own."""
    (tmp_path / "evidence" / "cam-1").mkdir(parents=True)
    (tmp_path / "edge.sqlite3").write_bytes(b"rows")
    (tmp_path / "cameras.json").write_text("of another shop, perhaps")
    enrol(tmp_path, URL, "CODE-1234", "edge", Desk(ok()).connect)
    (aside,) = tmp_path.glob("before-*")
    assert sorted(path.name for path in aside.iterdir()) == ["cameras.json", "edge.sqlite3", "evidence"]
    assert not (tmp_path / "evidence").exists()
    assert not (tmp_path / "cameras.json").exists()
