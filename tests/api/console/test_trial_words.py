"""What the form of a trial takes, and what is advised about a picture."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from api.console.camera_form import NotACamera
from api.console.i18n import Language
from api.console.speech import Speaker
from api.console.trial_advice import advise
from api.console.trial_form import TrialTyped, read_trial
from contract.trials import SeenPerson
from tests.api.trials import COOK, SEEN

SPEAKER = Speaker(Language.EN, datetime.now(UTC))
HIKVISION = {"shop_id": "shop-1", "maker": "hikvision", "address": "192.0.2.7", "username": "admin", "password": "right"}


def of_height(pixels: int) -> dict[str, Any]:
    return {"people": [COOK, SeenPerson(head=(0, 0, 12, pixels))]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "All is well: the heads are 90 px high, and 32 are enough."),
        ({"people": []}, "Nobody is seen. Ask somebody to stand where people work"),
        (of_height(14), "The smallest head is 14 px high. Below 15 px nothing can be told of it. Move the camera nearer"),
        (of_height(14) | {"width": 640, "height": 360}, "nothing can be told of it. Choose the main stream below"),
        (of_height(20), "The smallest head is 20 px high. From 32 px on"),
        ({"width": 704, "height": 576}, "This is the small picture (704 × 576)"),
        ({"brightness": 12.0}, "The picture is too dark (12 of 255)"),
        ({"burnt": 0.5}, "50 percent of the picture is overexposed"),
        ({"sharpness": 2.0}, "The picture is blurred. Clean the lens"),
        ({"key_interval_s": 9.0}, "A key frame comes only every 9 s"),
        ({"key_interval_s": None}, "Only one key frame came in 8 s"),
        ({"damaged": 3}, "3 pictures came in damaged"),
        ({"look": "black"}, "The picture is black. Check that the lens is not covered"),
        ({"look": "plain"}, "The picture is all of one colour"),
        ({"look": "frozen"}, "The picture does not move at all"),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else None,
)
def test_advice(changes: dict[str, Any], sentence: str) -> None:
    found = advise(SEEN.model_copy(update=changes), SPEAKER)
    assert [one for one in found if sentence in one.sentence]
    assert (len(found) == 1) or changes


def test_nothing_is_well_beside_a_problem() -> None:
    assert "good" not in {one.tone for one in advise(SEEN.model_copy(update={"damaged": 1}), SPEAKER)}


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"address": ""}, "address", "Enter the IP address of the camera"),
        ({"address": "http://192.0.2.7/doc"}, "address", "This is the address of a web page"),
        ({"address": "HTTPS://192.0.2.7"}, "address", "This is the address of a web page"),
        ({"address": "rtsp://192.0.2.7/user=admin&password=hunter2&channel=1"}, "address", "The password stands in the path"),
        ({"address": "ftp://192.0.2.7/x"}, "address", "is not a usable URL"),
        ({"address": "file:///etc/passwd"}, "address", "is not a usable URL"),
        ({"address": "rtsp://"}, "address", "is not a usable URL"),
        ({"address": "/etc/passwd"}, "address", "Enter the IP address of the camera"),
        ({"address": "the kitchen"}, "address", "Enter the IP address of the camera"),
        ({"address": "192.0.2.7:99999"}, "address", "Enter the IP address of the camera"),
        ({"address": "192.0.2.7/Streaming"}, "address", "Enter the IP address of the camera"),
        ({"address": "192.168.1"}, "address", "four numbers"),
        ({"address": "192.168.1.064"}, "address", "four numbers"),
        ({"address": "rtsp://192.168.1.300:554/live"}, "address", "four numbers"),
        ({"address": "rtsp://h/" + "x" * 1000}, "address", "longer than it can be"),
        ({"maker": ""}, "maker", "Choose the maker"),
        ({"maker": "acme"}, "maker", "Choose the maker"),
        ({"channel": "0"}, "channel", "Enter a number from 1 to 256"),
        ({"channel": "one"}, "channel", "Enter a number from 1 to 256"),
        ({"channel": "9" * 500}, "channel", "Enter a number from 1 to 256"),
        ({"password": "x" * 201}, "password", "longer than it can be"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(typed: dict[str, str], field: str, sentence: str) -> None:
    with pytest.raises(NotACamera) as problem:
        read_trial(TrialTyped.model_validate({**HIKVISION, **typed}), SPEAKER)
    assert sentence in problem.value.wrong[field]
    assert "hunter2" not in str(problem.value.wrong)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ({}, "rtsp://192.0.2.7/Streaming/Channels/101"),
        ({"channel": "12", "stream": "sub"}, "rtsp://192.0.2.7/Streaming/Channels/1202"),
        ({"address": " 192.0.2.7:8554/ "}, "rtsp://192.0.2.7:8554/Streaming/Channels/101"),
        ({"address": "１９２。０。２。７"}, "rtsp://192.0.2.7/Streaming/Channels/101"),
        ({"maker": "dahua"}, "rtsp://192.0.2.7/cam/realmonitor?channel=1&subtype=0"),
        ({"maker": "", "address": "rtsps://192.0.2.7/live"}, "rtsps://192.0.2.7/live"),
    ],
)
def test_what_is_typed_becomes_an_address(typed: dict[str, str], url: str) -> None:
    assert read_trial(TrialTyped.model_validate({**HIKVISION, **typed}), SPEAKER).urls == [url]


def test_who_does_not_know_the_maker_has_all_tried() -> None:
    urls = read_trial(TrialTyped.model_validate({**HIKVISION, "maker": "unknown"}), SPEAKER).urls
    assert urls[0].endswith("/Streaming/Channels/101")
    assert len(urls) == 6


def test_pasted_user_and_password_win_over_what_stood_there() -> None:
    pasted = {**HIKVISION, "address": "rtsp://cook:p%40ss@192.0.2.7/live", "password": ""}
    new = read_trial(TrialTyped.model_validate(pasted), SPEAKER)
    assert (new.urls, new.address, new.username) == (["rtsp://192.0.2.7/live"], "rtsp://192.0.2.7/live", "cook")
    assert new.password == SecretStr("p@ss")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://cook:hunter2@192.0.2.7/live", "rtsp://192.0.2.7/live"),
        ("rtsp://cook:hun/ter2@192.0.2.7/live", "rtsp://192.0.2.7/live"),
        ("rtsp://cook:hun@ter2@192.0.2.7/live", "rtsp://192.0.2.7/live"),
        ("rtsp://cook:hun://ter2@192.0.2.7/live", "192.0.2.7/live"),
        ("http://cook:hunter2@192.0.2.7", "http://192.0.2.7"),
        ("cook:hunter2@192.0.2.7", "192.0.2.7"),
        ("rtsp://192.0.2.7/user=cook&password=hunter2&channel=1", "rtsp://192.0.2.7/user=cook&password=&channel=1"),
        (" 192.0.2.7 ", " 192.0.2.7 "),
    ],
)
def test_a_pasted_password_is_not_shown_again(address: str, shown: str) -> None:
    again = TrialTyped(address=address).without_secrets()
    assert again.address.endswith(shown)
    assert "ter2" not in repr(again)
