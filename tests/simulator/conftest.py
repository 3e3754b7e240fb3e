import pytest

from simulator.plots import event
from tests.simulator.scenes import Scene


@pytest.fixture(scope="session")
def scene() -> Scene:
    plot = event(seed=3)
    return Scene.of(plot, plot.actors[1])
