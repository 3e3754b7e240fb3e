import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from models.data import DataError
from models.killed import with_all_processes


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ask_a_pool() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(die).result()


def load_as_torch_does() -> None:
    raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly")


@pytest.mark.parametrize("act", [ask_a_pool, load_as_torch_does])
def test_a_process_that_was_killed_is_told_in_words(act: Callable[[], None]) -> None:
    with pytest.raises(DataError, match="no memory was left"), with_all_processes():
        act()


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes"), with_all_processes():
        raise RuntimeError("shapes do not fit")
