"""One look at a camera that is not added yet, in a process of its own: `ingest.trying` starts it, and ends it if it hangs.

The errand comes pickled over standard input, the answer goes as JSON to standard output. No password is on a command line, in the
environment, in the answer or in the log.
"""

import base64
import os
import pickle
import socket
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import cv2
import numpy as np
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from contract.camera_hosts import is_forbidden_address
from contract.credentials import CredentialError, open_credential
from contract.edges import StreamFault
from contract.logs import log_to_stderr
from contract.trials import PICTURE_SIDE_PX, SeenHand, SeenPerson, Sighting, TrialAnswer
from detector.card import ModelError
from detector.observation import Person
from ingest.address import BadAddress, CameraAddress, parse_address
from ingest.check import Report, check
from ingest.errors import SourceError
from ingest.frames import Frame
from ingest.loading import Loaded, load_detector
from ingest.memory import AT_ONCE, go_first
from ingest.parts import Looker
from ingest.pipe import Errand, Setup
from ingest.shown import shown

_BURNT = 250  # grey levels of 255
# Where a name has several addresses: how long each of them is waited for.
LISTENS_S = 3.0
# The width at which sharpness is measured, so that a 4K camera and its sub-stream are judged alike.
_SHARPNESS_WIDTH_PX = 640
log = structlog.get_logger(__name__)


def looked_up(address: CameraAddress, *, allow_loopback: bool) -> CameraAddress:
    """The address with its host's name replaced by what it resolves to and what listens: that very machine is connected to.

    Raises SourceError where a name has no address, or one that is no camera's.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise SourceError(StreamFault.HOST_NOT_FOUND) from None
    addresses = [str(entry[4][0]) for entry in found]
    _refuse(addresses, allow_loopback)
    return address.at(next((one for one in addresses[:-1] if _listens(one, address.port)), addresses[-1]))


def _refuse(addresses: Iterable[str], allow_loopback: bool) -> None:
    for one in addresses:
        if is_forbidden_address(one) and not (allow_loopback and one in ("127.0.0.1", "::1")):
            raise SourceError(StreamFault.FORBIDDEN_ADDRESS)


def _peers() -> Iterator[str]:
    """Whom this process is connected to: a camera may have redirected FFmpeg (RTSP 3xx), which follows without a word."""
    for descriptor in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):  # that of the listing itself is closed by now; some are not connected
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as one:
                    if one.family in (socket.AF_INET, socket.AF_INET6):
                        yield one.getpeername()[0]


def _listens(ip: str, port: int) -> bool:
    try:
        socket.create_connection((ip, port), timeout=LISTENS_S).close()
    except OSError:
        return False
    return True


def attempt(errand: Errand, detector: Callable[[], Looker]) -> TrialAnswer:
    """Opens the camera, looks once, and tells what there is to tell. Raises ModelError where there is no detector."""
    trial = errand.trial
    try:
        sealed = trial.password_sealed
        key = X25519PrivateKey.from_private_bytes(errand.setup.key)
        password = None if sealed is None else open_credential(key, trial.camera_id, sealed)
    except CredentialError:
        return TrialAnswer(trial_id=trial.id, url=trial.urls[0], fault=StreamFault.WRONG_PASSWORD)
    fault, url = StreamFault.BAD_URL, trial.urls[0]
    for url in trial.urls:
        try:
            address = parse_address(url, trial.username, password)
            if address.kind != "rtsp":
                raise SourceError(StreamFault.BAD_URL)
            report, frame = check(
                looked_up(address, allow_loopback=errand.allow_loopback),
                on_open=lambda: _refuse(_peers(), errand.allow_loopback),
            )
        except BadAddress:
            fault = StreamFault.BAD_URL
        except SourceError as error:
            fault = error.fault
        else:
            if frame is not None:
                return TrialAnswer(trial_id=trial.id, url=url, sighting=sighting(report, frame, detector()))
            fault = report.fault or StreamFault.NO_PICTURE
        if fault is not StreamFault.NOT_FOUND:
            break  # of the way there, or of the login: another address of the device would fail the same way
    return TrialAnswer(trial_id=trial.id, url=url, fault=fault)


def sighting(report: Report, frame: Frame, detector: Looker) -> Sighting:
    [observation] = detector.look([frame.image])
    grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
    jpeg = shown(frame.image, observation.marked_boxes(None, None), PICTURE_SIDE_PX)
    return Sighting(
        jpeg=base64.b64encode(jpeg).decode(), width=observation.width,
        height=observation.height, codec=report.codec or "", fps=report.fps, key_interval_s=report.key_interval_s,
        watched_s=report.watched_s, first_picture_s=report.first_picture_s or 0.0, damaged=report.damaged,
        look=report.look or "good", brightness=float(grey.mean()), burnt=float((grey >= _BURNT).mean()),
        sharpness=_sharpness(grey), people=[_person(person) for person in observation.people[:100]],
    )


def _person(person: Person) -> SeenPerson:
    head, smoking = person.head, person.attribute("smoking")
    read = {} if head is None else {"head": head.box, "cap": head.cap.state, "mask": head.mask.state}
    if smoking is not None:
        read["smoking"] = smoking.state
    hands = [SeenHand.model_validate({"box": hand.box, "glove": hand.glove.state}) for hand in person.hands[:20]]
    return SeenPerson.model_validate({"box": person.box, "hands": hands, **read})


def _sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., 2000)."""
    size = (_SHARPNESS_WIDTH_PX, max(1, round(grey.shape[0] * _SHARPNESS_WIDTH_PX / grey.shape[1])))
    return float(cv2.Laplacian(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), cv2.CV_64F).var())


def main(load: Callable[[Setup], Loaded] = load_detector) -> None:
    go_first(AT_ONCE)  # rather than a worker, which looks at cameras that are in use
    log_to_stderr()
    errand: Errand = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the edge that started this process
    # The nets are loaded while the camera is being opened.
    loading = ThreadPoolExecutor(1).submit(load, errand.setup)
    try:
        answer = attempt(errand, lambda: loading.result().detector)
    except ModelError as error:
        log.error("trial_without_detector", cause=str(error))
        answer = TrialAnswer(trial_id=errand.trial.id, url=errand.trial.urls[0], fault=StreamFault.DETECTOR_FAILED)
    sys.stdout.write(answer.model_dump_json())
    sys.stdout.flush()
    # Threads that wait for a dead camera are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
