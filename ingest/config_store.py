"""The last list of cameras, zones and rules, on disk, so that an edge starts and works without its centre."""

from pathlib import Path

import structlog
from pydantic import ValidationError

from contract.cameras import EdgeConfig
from ingest.durable import replace_file, sync_folder

log = structlog.get_logger(__name__)


class ConfigStore:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "cameras.json"

    def load(self) -> EdgeConfig | None:
        """None when there is none yet, or none that can be used: then the centre is asked for it."""
        try:
            return EdgeConfig.model_validate_json(self._path.read_bytes(), extra="ignore")  # a newer version may have kept it
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            # Validation messages quote the values, and these may hold sealed passwords: only the kind is told.
            log.warning("stored_cameras_unusable", file=str(self._path), cause=type(error).__name__)
            return None

    def save(self, config: EdgeConfig) -> None:
        """Raises OSError; the list before it is then still there."""
        replace_file(self._path, config.model_dump_json().encode())

    def forget(self) -> None:
        """For an edge that the centre no longer trusts: its list holds camera addresses and sealed passwords."""
        self._path.unlink(missing_ok=True)
        sync_folder(self._path.parent)
