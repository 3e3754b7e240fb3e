"""The centre that is started from the front door finds faces in photographs."""

from contextlib import closing
from importlib.resources import files

import serve
from api.answers import faces
from ingest.source import file_source


def test_it_finds_people_and_heads_in_a_kitchen():
    with closing(file_source(str(files("configs") / "demo" / "kitchen.mp4"), realtime=False).pictures()) as pictures:
        found = serve.find_people(next(iter(pictures)).frame().image)
    assert {box.kind for box in found} == {"person", "head"}
    assert faces._lent == [serve.find_people]
