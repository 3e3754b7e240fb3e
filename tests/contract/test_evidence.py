from datetime import UTC, datetime
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.catalogue import AreaKind
from contract.evidence import (
    FIRST_OF_CHAIN,
    AttributeVotes,
    Manifest,
    SealedManifest,
    SealError,
    file_digest,
    seal,
    verify_seal,
)

KEY = Ed25519PrivateKey.generate()
FILES = {"original.jpg": b"picture", "overlay.jpg": b"picture with boxes"}


def make_manifest() -> Manifest:
    now = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
    return Manifest(
        violation_id=uuid4(), edge_id="edge-1", camera_id="cam-1", camera_name="凉菜间", shop_id="shop-1",
        area=AreaKind.SPECIAL_ROOM, stream_host="10.0.0.5", sequence=1, previous=FIRST_OF_CHAIN, rule="K01",
        severity=2, catalogue_version="0" * 12, models=[], software_version="0.1.0", captured_at=now, clock_offset_s=None,
        camera_time_s=12.04, since=now, frame_width=1920, frame_height=1080, track=3,
        votes=AttributeVotes(looks=21, sure=18, violating=17), boxes=[],
        files={name: file_digest(content) for name, content in FILES.items()},
    )


def test_seal_survives_the_wire():
    sealed = SealedManifest.model_validate_json(seal(make_manifest(), KEY).model_dump_json())
    verify_seal(sealed, KEY.public_key(), FILES)


def test_seal_of_another_key_is_refused():
    with pytest.raises(SealError, match="signature"):
        verify_seal(seal(make_manifest(), Ed25519PrivateKey.generate()), KEY.public_key(), FILES)


def test_changed_manifest_is_refused():
    sealed = seal(make_manifest(), KEY)
    forged = sealed.model_copy(update={"manifest": sealed.manifest.model_copy(update={"rule": "K07"})})
    with pytest.raises(SealError, match="signature"):
        verify_seal(forged, KEY.public_key(), FILES)


def test_changed_file_is_refused():
    with pytest.raises(SealError, match="overlay"):
        verify_seal(seal(make_manifest(), KEY), KEY.public_key(), FILES | {"overlay.jpg": b"another"})


def test_missing_file_is_refused():
    with pytest.raises(SealError, match="names the files"):
        verify_seal(seal(make_manifest(), KEY), KEY.public_key(), {"original.jpg": FILES["original.jpg"]})
