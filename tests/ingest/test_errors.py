import errno
import sqlite3
from contextlib import closing

import av.error
import pytest

from contract.edges import EdgeTrouble, StreamFault
from ingest.durable import disk_trouble
from ingest.errors import SourceError, classify, describe, explain

URL = "rtsp://admin:hunter2@camera/x"


def ffmpeg(kind: type[av.error.FFmpegError], code: int = 1) -> av.error.FFmpegError:
    return kind(code, "words", URL)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ffmpeg(av.error.HTTPUnauthorizedError), StreamFault.WRONG_PASSWORD),
        (ffmpeg(av.error.HTTPForbiddenError), StreamFault.WRONG_PASSWORD),
        (ffmpeg(av.error.HTTPNotFoundError), StreamFault.NOT_FOUND),
        (ffmpeg(av.error.HTTPOtherClientError), StreamFault.NO_PICTURE),
        (ffmpeg(av.error.HTTPServerError), StreamFault.REFUSED),
        (ffmpeg(av.error.HTTPBadRequestError), StreamFault.NOT_RTSP),
        (ffmpeg(av.error.DecoderNotFoundError), StreamFault.UNSUPPORTED_CODEC),
        (ffmpeg(av.error.PatchWelcomeError), StreamFault.UNSUPPORTED_CODEC),
        (ffmpeg(av.error.ExitError), StreamFault.TIMEOUT),
        (ffmpeg(av.error.EOFError), StreamFault.DISCONNECTED),
        (ffmpeg(av.error.ConnectionRefusedError, errno.ECONNREFUSED), StreamFault.REFUSED),
        (ffmpeg(av.error.ConnectionResetError, errno.ECONNRESET), StreamFault.DISCONNECTED),
        (ffmpeg(av.error.BrokenPipeError, errno.EPIPE), StreamFault.DISCONNECTED),
        (ffmpeg(av.error.TimeoutError, errno.ETIMEDOUT), StreamFault.TIMEOUT),
        (ffmpeg(av.error.FileNotFoundError, errno.ENOENT), StreamFault.DEVICE_MISSING),
        (ffmpeg(av.error.IsADirectoryError, errno.EISDIR), StreamFault.NOT_A_VIDEO),
        (ffmpeg(av.error.OSError, errno.EHOSTUNREACH), StreamFault.UNREACHABLE),
        (ffmpeg(av.error.OSError, errno.ENETUNREACH), StreamFault.UNREACHABLE),
        (ffmpeg(av.error.OSError, errno.ENODEV), StreamFault.DEVICE_MISSING),
        (ffmpeg(av.error.OSError, errno.EBUSY), StreamFault.DEVICE_MISSING),
        (ConnectionRefusedError(errno.ECONNREFUSED, "words"), StreamFault.REFUSED),
        (TimeoutError(), StreamFault.TIMEOUT),
        (ffmpeg(av.error.InvalidDataError), None),
        (ffmpeg(av.error.OSError, errno.EIO), None),
        (ValueError("words"), None),
    ],
)
def test_classify(error: BaseException, fault: StreamFault | None) -> None:
    assert classify(error) is fault


def test_describe_leaves_out_the_address() -> None:
    assert describe(ffmpeg(av.error.OSError, errno.EIO)) == "words"


@pytest.mark.parametrize("fault", StreamFault)
def test_every_fault_is_explained_in_both_languages(fault: StreamFault) -> None:
    assert explain(fault, "zh") != explain(fault, "en")


def test_an_error_shows_no_password() -> None:
    error = SourceError(StreamFault.REFUSED, f"cannot open {URL}")

    assert "hunter2" not in f"{error} {error!r} {error.detail}"
    assert str(error).startswith(explain(StreamFault.REFUSED, "en"))


def no_room_to_open() -> sqlite3.Error:
    """What SQLite says where there is no room for its shared memory: "disk I/O error"."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    return error


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (OSError(errno.ENOSPC, "words"), EdgeTrouble.DISK_FULL),
        (OSError(errno.EDQUOT, "words"), EdgeTrouble.DISK_FULL),
        (OSError(errno.EROFS, "words"), EdgeTrouble.DISK_FAILED),
        (OSError(errno.ETIMEDOUT, "words"), EdgeTrouble.DISK_HANGS),
        (OSError("words"), EdgeTrouble.DISK_FAILED),
        (sqlite3.OperationalError("database is locked"), EdgeTrouble.DISK_FAILED),
        (no_room_to_open(), EdgeTrouble.DISK_FULL),
    ],
)
def test_disk_trouble(error: OSError | sqlite3.Error, trouble: EdgeTrouble) -> None:
    assert disk_trouble(error) is trouble


def test_trouble_of_a_database_that_is_full() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("CREATE TABLE t (x)")
    assert disk_trouble(full.value) is EdgeTrouble.DISK_FULL
