from datetime import UTC, datetime

from contract.edges import CameraMinute, Heartbeat, StreamFault


def test_heartbeat_of_an_edge_without_trouble():
    beat = Heartbeat(
        sent_at=datetime(2026, 5, 1, tzinfo=UTC), software_version="0.1.0", config_version=None, outbox_waiting=0, minutes=[]
    )
    assert (beat.outbox_parked, beat.trouble) == (0, None)


def test_a_fault_that_only_a_newer_edge_knows_does_not_silence_it():
    told = {"camera_id": "a", "minute": "2026-05-01T00:00:00Z", "looks": 0, "fault": "struck_by_lightning"}
    assert CameraMinute.model_validate(told).fault is StreamFault.OTHER
