"""Every operation of the OpenAPI document, asked what nobody thought of; `sunshine bench fuzz` asks for longer."""

from collections.abc import Iterator

import pytest

from api.app import create_app
from bench.fuzzing import FuzzedCentre, fuzz, fuzzed_centre

# Some two requests in each of both kinds; the longer run finds what these do not.
EXAMPLES = 8
OPERATIONS = sorted(
    operation["operationId"] for path in create_app().openapi()["paths"].values() for operation in path.values()
    if "operationId" in operation
)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedCentre]:
    with fuzzed_centre(tmp_path_factory.mktemp("fuzzed")) as centre:
        yield centre


# The centre that is asked runs beside this in the same process, and draws a random delay now and then.
@pytest.mark.filterwarnings("ignore:Do not use the .random. module:hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_no_5xx_and_nothing_undocumented(centre: FuzzedCentre, operation_id: str):
    fuzz(centre, operation_id, EXAMPLES, derandomize=True)
