import av
import pytest
from structlog.testing import capture_logs

from contract.edges import StreamFault
from ingest import hardware
from ingest.address import parse_address
from ingest.errors import SourceError
from ingest.opening import Opening
from ingest.source import AvSource, camera_source


@pytest.mark.parametrize("known", [[], ["no such device"]])
def test_a_machine_without_a_device_says_so(monkeypatch: pytest.MonkeyPatch, known: list[str]):
    monkeypatch.setattr(hardware, "hwdevices_available", lambda: known)
    with capture_logs() as logs:
        assert hardware.decoding_device() is None
    assert [(line["event"], line["tried"]) for line in logs] == [("no_hardware_decoding", known)]


def test_a_device_that_has_gone_leaves_the_stream_to_the_processor(monkeypatch: pytest.MonkeyPatch, clips) -> None:
    asked = []

    def lost(self: Opening, device: str | None):
        asked.append(device)
        if device is not None:
            raise av.error.PermissionError(1, "Operation not permitted")
        return av.open(self._url)

    monkeypatch.setattr(Opening, "_connect", lost)
    shown = AvSource(Opening(str(clips()), live=False, device="cuda"))

    with capture_logs() as logs:
        assert next(shown.pictures()).index == 0
    assert asked == ["cuda", None]
    assert shown.info is not None
    assert not shown.info.in_hardware
    assert shown.info.lost_hardware
    assert [(line["event"], line["device"]) for line in logs] == [("camera_not_decoded_in_hardware", "cuda")]


def test_a_camera_that_does_not_open_without_the_device_either_is_not_the_device_s_fault(raw_server) -> None:
    address = parse_address(f"rtsp://127.0.0.1:{raw_server(b'SSH-2.0-x')}/x")

    with capture_logs() as logs, pytest.raises(SourceError) as told:
        next(camera_source(address, device="cuda").pictures())
    assert told.value.fault is StreamFault.NOT_RTSP
    assert logs == []
