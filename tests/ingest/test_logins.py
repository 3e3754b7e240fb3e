"""The channels of one recorder at its door."""

from concurrent.futures import Future

import pytest

from ingest.logins import AT_ONCE, FORGOTTEN_S, Logins


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.logins = Logins(lambda: self.now, lambda: 0.0)  # the shortest pauses

    def ask(self, who: str, login: str = "admin") -> Future[float]:
        return self.logins.ask(login, who)

    def tell(self, who: str, outcome, login: str = "admin") -> None:  # type: ignore[no-untyped-def]
        self.logins.tell(login, who, outcome)

    def refuse(self, *names: str) -> None:
        for name in names:
            assert self.ask(name).result(0) == 0
            self.tell(name, "refused")


@pytest.fixture
def world() -> World:
    return World()


def test_a_few_connect_at_once_and_all_once_one_is_in(world: World):
    asked = [world.ask(f"ch{number}") for number in range(16)]
    assert [one.done() for one in asked] == [True] * AT_ONCE + [False] * (16 - AT_ONCE)
    world.tell("ch0", "in")
    assert [one.result(0) for one in asked] == [0] * 16


def test_a_recorder_that_is_away_is_tried_by_all_in_turn(world: World):
    asked = [world.ask(f"ch{number}") for number in range(4)]
    world.tell("ch0", "over")
    assert [one.done() for one in asked] == [True, True, True, False]


def test_a_wrong_password_is_tried_no_more_often_than_by_one_camera(world: World):
    tried = []
    due = dict.fromkeys([f"ch{number}" for number in range(16)], 0.0)
    while world.now < 8 * 3600:
        for name in [name for name, at in due.items() if at <= world.now]:
            seconds = world.ask(name).result(0)
            due[name] = world.now + (seconds or 3600)
            if not seconds:
                tried.append(world.now)
                world.tell(name, "refused")
        world.now += 1
    # Five wrong ones in half an hour lock the account of a usual recorder.
    assert all(later - earlier > 1800 for earlier, later in zip(tried, tried[4:], strict=False))


def test_a_login_that_nobody_uses_any_more_is_forgotten_and_no_other(world: World):
    for number in range(100):
        world.ask("ch0", login=f"password {number}").result(0)
        world.tell("ch0", "refused", login=f"password {number}")
    world.ask("ch1", login="in use").result(0)
    world.tell("ch1", "in", login="in use")
    world.now += FORGOTTEN_S
    world.ask("ch0", login="right")
    assert world.logins._logins.keys() == {"in use", "right"}


def test_one_camera_that_this_user_may_not_see_keeps_no_other_one_out(world: World):
    world.refuse("ch5")
    assert world.ask("ch6").result(0) == 0


def test_two_cameras_that_this_user_may_not_see_keep_nobody_out_while_others_are_in(world: World):
    world.ask("ch1")
    world.tell("ch1", "in")
    world.refuse("ch5", "ch6")
    world.tell("ch1", "over")
    assert world.ask("ch1").result(0) == 0


def test_once_one_is_let_in_the_others_wait_no_longer(world: World):
    world.refuse("ch1", "ch2")
    world.now += (seconds := world.ask("ch3").result(0))
    assert seconds > 0
    first, second = world.ask("ch3"), world.ask("ch4")
    assert (first.result(0), second.done()) == (0, False)
    world.tell("ch3", "in")
    assert second.result(0) == 0


def test_another_password_is_tried_at_once(world: World):
    world.refuse("ch1", "ch2")
    assert world.ask("ch1", "new").result(0) == 0


def test_a_worker_that_has_died_holds_nobody_up(world: World):
    world.ask("dead 1")
    world.ask("dead 2")
    waiting, lost = world.ask("ch1"), world.ask("dead 3")
    world.logins.gone(lambda who: str(who).startswith("dead"))
    assert (waiting.result(0), lost.done()) == (0, False)
