import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from contract.edges import EdgeTrouble
from contract.evidence import CLIP, ClipFlaw
from ingest.centre_errors import CentreUnavailable
from ingest.cleaning import LEAST_FREE, SCARCE, SCARCE_INTERVAL_S
from ingest.heartbeat import no_disk
from ingest.outbox import Outbox
from ingest.sender import FIRST_CLIP_PAUSE_S, Sender
from tests.ingest.edge_world import START, CentreInMemory, Parts, a_clip, problem


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


def down(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def up(request: httpx.Request) -> httpx.Response | None:
    return None


def cut_off(request: httpx.Request) -> httpx.Response:
    raise httpx.WriteTimeout("")


def cut_off_violations(request: httpx.Request) -> httpx.Response | None:
    return cut_off(request) if request.url.path.endswith("/violations") else None


def beat(parts: Parts) -> None:
    parts.client.beat(no_disk(EdgeTrouble.DISK_FULL))


def pass_days(parts: Parts, days: float, sender: Sender) -> list[httpx.Request]:
    """With a heartbeat after each step, of five minutes at least. What was sent meanwhile beside these."""
    begun, until = len(parts.centre.requests), parts.timer.now + days * 86_400
    while parts.timer.now < until:
        wait_s = max(300.0, sender.step())
        parts.timer.now += wait_s
        parts.clock.now += wait_s
        beat(parts)
    return [one for one in parts.centre.requests[begun:] if not one.url.path.endswith("/heartbeats")]


def refusing(status: int, detail: str = "No.", camera_id: str | None = None, **headers: str):
    def answer(request: httpx.Request) -> httpx.Response | None:
        if camera_id is None or f'"camera_id":"{camera_id}"'.encode() in request.content:
            return problem(status, detail, **headers)
        return None

    return answer


def test_everything_arrives_in_order_once(parts: Parts):
    ids = [str(parts.record()) for _ in range(5)]
    parts.sender.step()
    assert parts.centre.order == ids
    parts.sender.step()
    assert parts.centre.order == ids


def test_order_of_each_camera_over_an_outage(parts: Parts):
    a1, b1, a2 = (str(parts.record(camera_id)) for camera_id in "aba")
    parts.centre.before = down
    wait_s = parts.sender.step()
    parts.centre.before = up
    beat(parts)
    a3 = str(parts.record("a"))
    parts.timer.now += wait_s
    parts.sender.step()
    assert [key for key in parts.centre.order if key != b1] == [a1, a2, a3]
    assert b1 in parts.centre.order


class TestAge:
    def test_of_what_waited_for_the_centre_while_the_clock_was_set(self, parts: Parts):
        violation_id = parts.record()
        parts.clock.now += 7200
        parts.timer.now += 600
        parts.sender.step()
        assert parts.centre.ages == {str(violation_id): "600.000"}

    def test_of_a_picture_that_was_some_time_on_its_way(self, parts: Parts):
        moment = parts.clock.moment()
        parts.clock.now += 2
        violation_id = parts.record(moment=moment)
        parts.sender.step()
        assert parts.centre.ages == {str(violation_id): "2.000"}

    def test_of_a_clock_that_was_set_just_then(self, parts: Parts):
        moment = parts.clock.moment()
        parts.clock.now += 7200
        violation_id = parts.record(moment=moment)
        parts.sender.step()
        assert parts.centre.ages == {str(violation_id): "0.000"}

    @pytest.mark.parametrize(("boot", "age"), [("this start", "600.000"), ("another start", None)])
    def test_of_an_earlier_run_it_is_known_unless_the_machine_was_started_anew(
        self, tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch, boot: str, age: str | None
    ):
        monkeypatch.setattr("ingest.outbox.boot_id", lambda: "this start")
        violation_id = parts.record()
        parts.database.close()
        monkeypatch.setattr("ingest.outbox.boot_id", lambda: boot)
        again = Parts(tmp_path, parts.centre)
        again.timer.now = parts.timer.now + 600
        again.recover()
        again.sender.step()
        assert again.centre.ages == {str(violation_id): age}


def test_outage_is_waited_for_longer_and_longer(parts: Parts):
    parts.record()
    parts.centre.before = refusing(503)
    waits = []
    for _ in range(10):
        waits.append(parts.sender.step())
        parts.timer.now += waits[-1]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == 300.0


def test_nothing_is_asked_before_its_time(parts: Parts):
    parts.record()
    parts.centre.before = down
    wait_s = parts.sender.step()
    parts.timer.now += wait_s - 0.01
    parts.sender.step()
    assert len(parts.centre.requests) == 1


def test_pauses_begin_anew_after_a_success(parts: Parts):
    parts.record()
    parts.centre.before = refusing(503)
    for _ in range(6):
        parts.timer.now += parts.sender.step()
    parts.centre.before = up
    parts.sender.step()
    parts.record()
    parts.centre.before = refusing(503)
    assert parts.sender.step() == 1.0


def test_centre_s_wish_is_honoured(parts: Parts):
    parts.record()
    parts.centre.before = refusing(503, Retry_After="120")
    assert parts.sender.step() == 120.0


@pytest.mark.parametrize("status", [401, 404, 429, 502, 503, 504, 507, 500])
def test_passing_trouble_loses_nothing(parts: Parts, status: int):
    violation_id = str(parts.record())
    parts.centre.before = refusing(status)
    parts.timer.now += parts.sender.step()
    parts.centre.before = up
    parts.sender.step()
    assert parts.centre.order == [violation_id]


@pytest.mark.parametrize("status", [403, 409, 413, 422])
def test_refused_is_parked_with_the_reason_and_kept(parts: Parts, status: int):
    first = parts.record()
    parts.centre.before = refusing(status, "This camera is another edge's.")
    with capture_logs() as logs:
        parts.sender.step()
    assert parts.outbox.parked() == 1
    reason = f"The centre refused it (HTTP {status}): This camera is another edge's."
    parked = [(line["violation"], line["reason"]) for line in logs if line["event"] == "report_parked"]
    assert parked == [(str(first), reason)]
    assert len(list(parts.evidence.folder.glob("cam-1/*/original.jpg"))) == 1


def test_refused_shows_as_trouble_of_the_edge(parts: Parts):
    parts.record()
    parts.centre.before = refusing(422, "No.")
    parts.sender.step()
    assert parts.sender.trouble is EdgeTrouble.REPORT_REFUSED
    parts.clock.now += 2 * 86_400
    parts.sender.step()
    assert parts.sender.trouble is None


def test_report_after_a_refused_one_is_sent(parts: Parts):
    parts.record()
    parts.centre.before = refusing(422)
    parts.sender.step()
    parts.centre.before = up
    second = str(parts.record())
    parts.sender.step()
    assert parts.centre.order == [second]


def test_centre_that_fails_on_one_camera_s_report_takes_the_others(parts: Parts):
    first = str(parts.record("a"))
    others = {str(parts.record("b")), str(parts.record("b"))}
    parts.centre.before = refusing(500, camera_id="a")
    wait_s = parts.sender.step()
    assert set(parts.centre.order) == others
    parts.centre.before = up
    parts.timer.now += wait_s
    parts.sender.step()
    assert first in parts.centre.order


def test_reports_that_do_not_get_through_hold_up_no_other_camera_s(parts: Parts):
    """Two large ones that a bad line cuts off each time, or that end the centre's process."""
    for camera_id in "abc":
        parts.record(camera_id)

    parts.centre.before = lambda request: None if b'"camera_id":"c"' in request.content else cut_off_violations(request)
    for _ in range(3):
        parts.timer.now += parts.sender.step()
        beat(parts)
    assert [sealed.manifest.camera_id for sealed, _ in parts.centre.reports.values()] == ["c"]
    assert parts.outbox.waiting() == 2


def test_lost_receipt_is_asked_for_again_with_the_same_key(parts: Parts):
    violation_id = str(parts.record())

    def lost(request: httpx.Request) -> httpx.Response:
        parts.centre._take(request)
        raise httpx.ReadTimeout("lost")

    parts.centre.before = lost
    parts.timer.now += parts.sender.step()
    parts.centre.before = up
    beat(parts)
    parts.sender.step()
    assert parts.centre.order == [violation_id, violation_id]
    assert len(parts.centre.reports) == 1


def test_receipt_that_cannot_be_written_down_is_asked_for_again(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    violation_id = str(parts.record())

    def full(*args: object, **keywords: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "mark_sent", full)
        wait_s = parts.sender.step()
    assert parts.sender.trouble is EdgeTrouble.DISK_FULL
    parts.timer.now += wait_s
    parts.sender.step()
    assert set(parts.centre.order) == {violation_id}
    assert (parts.outbox.waiting(), parts.sender.trouble) == (0, None)


def test_lasting_trouble_is_logged_once(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    parts.record()

    def locked(*args: object, **keywords: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Outbox, "next_of_each_camera", locked)
        for _ in range(3):
            parts.timer.now += parts.sender.step()
    parts.sender.step()
    assert [line["event"] for line in logs] == ["outbox_cannot_be_used"]


def test_evidence_that_somebody_took_away_is_parked(parts: Parts):
    parts.record()
    next(parts.evidence.folder.glob("cam-1/*/manifest.json")).unlink()
    parts.sender.step()
    assert parts.outbox.parked() == 1
    assert parts.sender.trouble is EdgeTrouble.EVIDENCE_LOST, "the centre has refused nothing"
    parts.timer.now += 86_400
    parts.clock.now += 86_400
    parts.sender.step()
    assert parts.sender.trouble is None


def test_evidence_that_cannot_be_read_holds_up_its_own_camera_alone(parts: Parts):
    parts.record("a")
    other = str(parts.record("b"))
    picture = next(parts.evidence.folder.glob("a/*/original.jpg"))
    picture.unlink()
    picture.mkdir()  # as unreadable for root as for others
    parts.sender.step()
    assert parts.centre.order == [other]
    assert (parts.outbox.waiting(), parts.outbox.parked()) == (1, 0)


def test_sent_evidence_is_kept_for_its_days_then_deleted(parts: Parts):
    parts.record()
    parts.sender.step()
    for days in (29, 2):
        assert len(list(parts.evidence.folder.glob("cam-1/0*"))) == 1
        parts.clock.now += days * 86_400
        parts.timer.now += days * 86_400
        parts.sender.step()
    assert list(parts.evidence.folder.glob("cam-1/0*")) == []


def test_on_a_disk_that_is_nearly_full_what_the_centre_has_gives_way_after_a_week(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    parts.record()
    parts.sender.step()
    monkeypatch.setattr(parts.evidence, "free_bytes", lambda: LEAST_FREE - 1)
    with capture_logs() as logs:
        for days in (6, 2):
            assert len(list(parts.evidence.folder.glob("cam-1/0*"))) == 1
            parts.clock.now += days * 86_400
            parts.timer.now += days * 86_400
            parts.sender.step()
    assert list(parts.evidence.folder.glob("cam-1/0*")) == []
    assert "磁盘将满" in logs[0]["words"]


def test_where_there_is_hardly_any_room_all_that_the_centre_has_gives_way_at_once(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """What is found next would not be kept, for the sake of copies."""
    parts.record("a")
    parts.sender.step()
    monkeypatch.setattr(parts.evidence, "free_bytes", lambda: SCARCE - 1)
    parts.centre.before = refusing(503)
    parts.record("b")  # the centre does not have it
    parts.clock.now += 1
    with capture_logs() as logs:
        for _ in range(2):
            parts.timer.now += SCARCE_INTERVAL_S
            parts.sender.step()
    assert [path.parent.name for path in parts.evidence.folder.glob("*/0*")] == ["b"]
    assert [line["kept_days"] for line in logs if line["event"] == "disk_nearly_full"] == [0]


def test_a_clock_that_is_ahead_before_it_is_compared_deletes_nothing(parts: Parts):
    parts.record()
    parts.sender.step()
    parts.client.machine_started = None  # the machine was started anew, and its clock is wrong
    parts.clock.now += 365 * 86_400
    parts.timer.now += 7200
    parts.sender.step()
    assert len(list(parts.evidence.folder.glob("cam-1/0*"))) == 1


@pytest.mark.parametrize(("days", "stays"), [(29, True), (31, False)])
def test_what_an_earlier_shop_left_goes_when_its_days_are_over(parts: Parts, days: int, stays: bool):
    parts.client.machine_started = 0.0
    aside = parts.evidence.folder.parent / f"before-{round(START.timestamp() * 1e9)}"
    (aside / "evidence" / "cam-1").mkdir(parents=True)
    parts.clock.now += days * 86_400
    parts.sender.step()
    assert aside.exists() is stays


def test_what_was_put_aside_while_the_clock_was_wrong_counts_from_now_on(parts: Parts):
    parts.client.machine_started = 0.0
    (parts.evidence.folder.parent / "before-86400000000000").mkdir()
    parts.sender.step()
    assert [path.name for path in parts.evidence.folder.parent.glob("before-*")] == [f"before-{round(parts.clock.now * 1e9)}"]


def test_evidence_that_cannot_be_deleted_holds_up_nothing(parts: Parts):
    stays, goes = parts.record("a"), parts.record("b")
    parts.sender.step()
    (parts.evidence.folder / "a" / f".partial-00000001-{stays}" / "left").mkdir(parents=True)  # it can be renamed to nothing else
    parts.clock.now += 31 * 86_400
    parts.timer.now += 31 * 86_400
    new = parts.record("a")
    with capture_logs() as logs:
        parts.sender.step()
    assert parts.centre.order == [str(stays), str(goes), str(new)]
    assert list(parts.evidence.folder.glob("b/0*")) == []
    assert [line["violation"] for line in logs if line["event"] == "evidence_not_deleted"] == [str(stays)]
    assert len(parts.outbox.sent_before(parts.clock.now)) == 1  # and it is tried again


@pytest.mark.parametrize("status", [503, 422])
def test_evidence_that_the_centre_does_not_have_is_never_deleted(tmp_path: Path, status: int):
    parts = Parts(tmp_path, CentreInMemory(before=refusing(status)))
    parts.record()
    parts.sender.step()
    parts.clock.now += 365 * 86_400
    parts.timer.now += 365 * 86_400
    parts.sender.step()
    assert len(list(parts.evidence.folder.glob("cam-1/0*/original.jpg"))) == 1


def sent_with_one_clip(parts: Parts) -> tuple[UUID, UUID]:
    first, second = parts.record(), parts.record()
    parts.record_clip(first)
    parts.record_clip(second, replace(a_clip(), content=first))
    parts.sender.step()
    parts.clip_sender.step()
    return first, second


class TestSetAside:
    """Tried again without a restart of the box: the way may be better by now, or the centre newer."""

    @pytest.fixture
    def clips(self, parts: Parts) -> list[str]:
        """Three clips that the centre has refused."""
        ids = [parts.record() for _ in range(3)]
        for violation_id in ids:
            parts.record_clip(violation_id)
        parts.sender.step()
        parts.centre.before = lambda request: problem(422) if request.url.path.endswith("/clips") else None
        parts.clip_sender.step()
        assert parts.outbox.parked() == 3
        return [str(one) for one in ids]

    def test_one_a_day_in_turn(self, parts: Parts, clips: list[str]):
        assert pass_days(parts, 0.9, parts.clip_sender) == []
        tried = pass_days(parts, 4.3, parts.clip_sender)
        assert [one.headers["Idempotency-Key"] for one in tried] == [*clips, *clips[:2]]
        assert (parts.outbox.parked(), parts.clip_sender.trouble) == (3, None), "old news is no trouble of today"

    def test_all_of_them_once_one_gets_through(self, parts: Parts, clips: list[str]):
        parts.centre.before = up
        pass_days(parts, 1.1, parts.clip_sender)
        assert parts.centre.order[3:] == [f"{one} clip" for one in clips]
        assert (parts.outbox.waiting(), parts.outbox.parked()) == (0, 0)

    def test_not_while_another_waits(self, parts: Parts, clips: list[str]):
        parts.record_clip(parts.record("cam-2"))
        parts.sender.step()
        parts.centre.before = lambda request: cut_off(request) if request.url.path.endswith("/clips") else None
        tried = pass_days(parts, 1.5, parts.clip_sender)
        assert tried
        assert not {one.headers["Idempotency-Key"] for one in tried} & set(clips)

    def test_not_while_the_centre_is_away(self, parts: Parts, clips: list[str]):
        parts.centre.before = refusing(502)
        with pytest.raises(CentreUnavailable):
            beat(parts)
        for _ in range(3):
            parts.timer.now += 86_400
            parts.clip_sender.step()
        assert len([one for one in parts.centre.requests if one.url.path.endswith("/clips")]) == 3


class TestViolationThatDoesNotGetThrough:
    """Two megabytes each time, over what may be a metered line."""

    @pytest.mark.parametrize(
        "answer", [cut_off_violations, refusing(500, camera_id="cam-1"), refusing(507, camera_id="cam-1")],
        ids=["cut off", "failed on", "no room"],
    )
    def test_it_costs_little_and_goes_by_itself_in_the_end(
        self, parts: Parts, answer: Callable[[httpx.Request], httpx.Response | None]
    ):
        first, second = str(parts.record()), str(parts.record())
        parts.centre.before = answer
        assert len(pass_days(parts, 1, parts.sender)) < 20
        assert len(pass_days(parts, 9, parts.sender)) < 10 * 5
        assert parts.outbox.parked() == 0, "the way or the centre is at fault, not one of them"
        parts.centre.before = up
        pass_days(parts, 0.5, parts.sender)
        assert set(parts.centre.order) == {first, second}
        assert (parts.outbox.waiting(), parts.sender.trouble) == (0, None)

    def test_later_ones_of_its_camera_go_before_it_after_days_and_it_is_set_aside_then(self, parts: Parts):
        first, second = parts.record(), str(parts.record())
        parts.centre.before = lambda request: problem(500) if request.headers.get("Idempotency-Key") == str(first) else None
        pass_days(parts, 0.2, parts.sender)
        assert (parts.centre.order, parts.sender.trouble) == ([], None)
        with capture_logs() as logs:
            pass_days(parts, 2, parts.sender)
        assert parts.centre.order == [second]
        assert (parts.outbox.waiting(), parts.outbox.parked()) == (0, 1)
        assert parts.sender.trouble is EdgeTrouble.REPORT_REFUSED
        told = {line["event"]: line["reason"] for line in logs if line.get("violation") == str(first)}
        assert "later ones of its camera go first" in told["report_passed_over"]
        assert "tried again later" in told["report_parked"]
        assert len(list(parts.evidence.folder.glob(f"cam-1/*-{first}/original.jpg"))) == 1

    def test_that_one_does_not_get_through_for_days_shows_as_trouble_for_as_long(self, parts: Parts):
        parts.record()
        parts.centre.before = cut_off_violations
        pass_days(parts, 8, parts.sender)
        assert (parts.outbox.waiting(), parts.sender.trouble) == (1, EdgeTrouble.REPORT_REFUSED)

    def test_a_hiccup_after_later_ones_went_before_it_sets_nothing_aside(self, parts: Parts):
        first, second = str(parts.record()), str(parts.record())
        parts.centre.before = cut_off_violations
        pass_days(parts, 3, parts.sender)
        failures = iter(range(2))
        parts.centre.before = lambda request: (
            problem(503) if request.headers.get("Idempotency-Key") == first and next(failures, None) is not None else None
        )
        pass_days(parts, 0.5, parts.sender)
        assert parts.centre.order == [second, first]

    def test_a_centre_that_fails_for_an_hour_has_all_within_the_next(self, parts: Parts):
        ids = [str(parts.record()) for _ in range(3)]
        parts.centre.before = refusing(500, camera_id="cam-1")
        pass_days(parts, 1 / 24, parts.sender)
        parts.centre.before = up
        pass_days(parts, 1 / 24, parts.sender)
        assert parts.centre.order == ids

    def test_none_is_tried_while_heartbeats_do_not_get_through_and_then_it_goes_at_once(self, parts: Parts):
        violation_id = str(parts.record())
        parts.centre.before = refusing(502)
        with pytest.raises(CentreUnavailable):
            beat(parts)
        for _ in range(3600 // 5):
            parts.timer.now += parts.sender.step()
        assert {one.url.path.rpartition("/")[2] for one in parts.centre.requests} == {"heartbeats"}
        parts.centre.before = up
        beat(parts)
        parts.sender.step()
        assert parts.centre.order == [violation_id]


class TestClips:
    def test_a_clip_goes_after_its_violation(self, parts: Parts):
        violation_id = parts.record()
        parts.record_clip(violation_id)
        parts.clip_sender.step()
        assert parts.centre.order == []
        parts.sender.step()
        parts.clip_sender.step()
        assert parts.centre.order == [str(violation_id), f"{violation_id} clip"]
        assert parts.outbox.waiting() == 0

    def test_one_of_several_violations_is_uploaded_once(self, parts: Parts):
        first, second = sent_with_one_clip(parts)
        assert [parts.centre.clips[str(one)][1] for one in (first, second)] == [b"clip", None]
        assert len([one for one in parts.centre.requests if one.url.path.endswith("/clips")]) == 2, "none in vain"
        assert parts.outbox.waiting() == 0

    def test_one_of_several_violations_is_uploaded_again_to_a_centre_that_does_not_have_it(self, parts: Parts):
        _, second = sent_with_one_clip(parts)
        parts.centre.clips.clear()
        parts.outbox.park(second, parts.clock.now, is_clip=True)
        parts.outbox.retry_parked()
        parts.clip_sender.step()
        assert parts.centre.clips[str(second)][1] == b"clip"

    def test_no_violation_waits_for_a_clip(self, parts: Parts):
        first = parts.record()
        parts.sender.step()
        parts.record_clip(first)
        second = parts.record()
        parts.sender.step()
        assert parts.centre.order == [str(first), str(second)]

    def test_a_centre_that_fails_on_clips_takes_the_violations(self, parts: Parts):
        first = parts.record()
        parts.record_clip(first)
        parts.sender.step()

        def no_clips(request: httpx.Request) -> httpx.Response | None:
            return problem(500) if request.url.path.endswith("/clips") else None

        parts.centre.before = no_clips
        wait_s = parts.clip_sender.step()
        second = parts.record()
        parts.sender.step()
        assert parts.centre.order == [str(first), str(second)]
        parts.centre.before = up
        parts.timer.now += wait_s
        parts.clip_sender.step()
        assert len(parts.centre.order) == 2
        parts.timer.now += FIRST_CLIP_PAUSE_S
        parts.clip_sender.step()
        assert parts.centre.order[-1] == f"{first} clip"

    @pytest.mark.parametrize("cut", [cut_off, refusing(500)], ids=["cut off", "failed on"])
    def test_one_that_never_gets_through_costs_little_and_is_set_aside_after_days(
        self, parts: Parts, cut: Callable[[httpx.Request], httpx.Response]
    ):
        """Up to 32 MB each time, over what may be a metered line."""
        first, second = (parts.record() for _ in range(2))
        for violation_id in (first, second):
            parts.record_clip(violation_id)
        parts.sender.step()
        parts.centre.before = lambda request: cut(request) if request.url.path.endswith("/clips") else None
        tried: dict[int, set[str]] = {}
        for day in range(9):
            clips = pass_days(parts, 1, parts.clip_sender)
            assert len(clips) < (13 if day == 0 else 6)
            tried[day] = {one.headers["Idempotency-Key"] for one in clips}
            if day == 1:
                assert parts.outbox.parked() == 0
            if day == 2:
                assert (parts.outbox.parked(), parts.clip_sender.trouble) == (1, EdgeTrouble.REPORT_REFUSED)
        assert tried[1] == {str(first)}
        assert tried[5] == {str(second)}
        assert (parts.outbox.waiting(), parts.outbox.parked()) == (0, 2)

    def test_none_is_tried_while_heartbeats_do_not_get_through_and_then_it_goes_at_once(self, parts: Parts):
        violation_id = parts.record()
        parts.record_clip(violation_id)
        parts.sender.step()
        parts.centre.before = refusing(502)
        with pytest.raises(CentreUnavailable):
            beat(parts)
        for _ in range(5 * 86_400 // 30):
            parts.timer.now += parts.clip_sender.step()
        assert not any(one.url.path.endswith("/clips") for one in parts.centre.requests)
        parts.centre.before = up
        beat(parts)
        parts.clip_sender.step()
        assert parts.centre.order[-1] == f"{violation_id} clip"

    def test_the_word_that_there_is_none_is_sent(self, parts: Parts):
        violation_id = parts.record()
        parts.record_clip(violation_id, ClipFlaw.STREAM)
        parts.sender.step()
        parts.clip_sender.step()
        sealed, content = parts.centre.clips[str(violation_id)]
        assert (sealed.manifest.missing, content) == (ClipFlaw.STREAM, None)

    def test_one_that_somebody_took_away_is_parked(self, parts: Parts):
        parts.record_clip(parts.record())
        parts.sender.step()
        next(parts.evidence.folder.glob(f"cam-1/*/{CLIP}")).unlink()
        parts.clip_sender.step()
        assert parts.outbox.parked() == 1
        assert parts.clip_sender.trouble is EdgeTrouble.EVIDENCE_LOST

    def test_one_whose_manifest_the_disk_lost_keeps_no_other_from_being_sent(self, parts: Parts):
        first, second = parts.record(), parts.record()
        for violation_id in (first, second):
            parts.record_clip(violation_id)
        parts.sender.step()
        manifest = next(parts.evidence.folder.glob(f"cam-1/*-{first}-clip/manifest.json"))
        manifest.write_bytes(bytes(manifest.stat().st_size))
        parts.centre.before = lambda request: problem(422, "No manifest.") if b'name="manifest"' in request.content and (
            bytes(9) in request.content
        ) else None
        parts.clip_sender.step()
        assert (parts.centre.order[-1], parts.outbox.parked()) == (f"{second} clip", 1)

    def test_one_that_cannot_be_read_is_tried_again(self, parts: Parts):
        violation_id = parts.record()
        parts.record_clip(violation_id)
        parts.sender.step()
        clip = next(parts.evidence.folder.glob(f"cam-1/*/{CLIP}"))
        aside = clip.rename(clip.with_suffix(".aside"))
        clip.symlink_to("/proc/self/mem")  # can be opened, and says EIO as a bad sector does
        parts.clip_sender.step()
        assert parts.centre.order == [str(violation_id)]
        aside.rename(clip)
        parts.timer.now += FIRST_CLIP_PAUSE_S
        parts.clip_sender.step()
        assert parts.centre.order[-1] == f"{violation_id} clip"

    def test_one_that_the_centre_refuses_is_set_aside(self, parts: Parts):
        first, second = parts.record(), parts.record()
        for violation_id in (first, second):
            parts.record_clip(violation_id)
        parts.sender.step()
        parts.centre.before = refusing(413)
        parts.clip_sender.step()
        assert (parts.outbox.waiting(), parts.outbox.parked()) == (0, 2)
        assert parts.clip_sender.trouble is EdgeTrouble.REPORT_REFUSED

    def test_sent_clips_are_kept_for_their_days_then_deleted(self, parts: Parts):
        parts.record_clip(parts.record())
        parts.sender.step()
        parts.clip_sender.step()
        parts.clock.now += 31 * 86_400
        parts.timer.now += 31 * 86_400
        parts.sender.step()
        assert list(parts.evidence.folder.glob("cam-1/0*")) == []
