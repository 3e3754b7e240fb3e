from datetime import UTC, datetime

from contract.edges import Heartbeat


def test_heartbeat_of_an_edge_without_trouble():
    beat = Heartbeat(
        sent_at=datetime(2026, 5, 1, tzinfo=UTC), software_version="0.1.0", config_version=None, outbox_waiting=0, minutes=[]
    )
    assert (beat.outbox_parked, beat.trouble) == (0, None)
