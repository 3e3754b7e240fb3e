"""One look of the product at a camera, with scripted eyes: everything but the detector is the product's."""

from ingest import trial
from ingest.loading import Loaded
from tests.ingest.edge_worker import ScriptedDetector

if __name__ == "__main__":
    trial.main(lambda setup: Loaded(ScriptedDetector()))
