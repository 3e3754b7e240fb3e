"""A camera that an edge has tried, as the centre keeps it."""

from datetime import datetime

from api.trials.tables import CameraTrial
from contract.trials import FoundCamera, SeenPerson, Sighting, TrialAnswer
from tests.api.world import jpeg

URL = "rtsp://192.0.2.7/Streaming/Channels/101"
COOK = SeenPerson(box=(100, 100, 300, 900), head=(150, 100, 230, 190), cap="worn", mask="unknown", smoking="no")
SEEN = Sighting(
    jpeg="", width=1920, height=1080, codec="h264", fps=25, key_interval_s=2, watched_s=8, first_picture_s=1.2, look="good",
    brightness=110, burnt=0.01, sharpness=300, people=[COOK],
)


def seen_trial(shop_id: str, edge_id: str, at: datetime, seen: Sighting = SEEN, picture: bytes | None = None) -> CameraTrial:
    answer = TrialAnswer(trial_id="told", url=URL, sighting=seen)
    return CameraTrial(
        shop_id=shop_id, edge_id=edge_id, maker="hikvision", address="192.0.2.7", channel=1, is_sub=False, host="192.0.2.7",
        port=554, urls=[URL], username="admin", password_sealed="sealed-elsewhere", created_at=at, taken_at=at, answered_at=at,
        answer=answer.model_dump_json(), picture=picture or jpeg(90), is_failure=False,
    )


def found_search(shop_id: str, edge_id: str, at: datetime, found: list[FoundCamera]) -> CameraTrial:
    answer = TrialAnswer(trial_id="told", found=found)
    return CameraTrial(
        shop_id=shop_id, edge_id=edge_id, maker="", address="", channel=1, is_sub=False, host="", port=0, urls=[], created_at=at,
        taken_at=at, answered_at=at, answer=answer.model_dump_json(), is_failure=False,
    )
