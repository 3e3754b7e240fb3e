"""What the centre has signed of evidence: whole, its own, and checked offline with the chains that it belongs to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.countersigning import (
    FIRST,
    CentreWord,
    EdgeCertificate,
    SignedCertificate,
    SignedStatement,
    Statement,
    StatementAct,
    certify,
    countersign,
)
from contract.evidence import FIRST_OF_CHAIN, Manifest, SealedManifest, seal
from contract.signing import digest, write_key
from contract.verify import verify
from contract.verify_chain import ChainExport
from tests.contract.test_evidence import FILES, KEY, make_manifest
from tests.contract.test_verify import PUBLIC, link, links

CENTRE = Ed25519PrivateKey.generate()
CENTRE_PUBLIC = write_key(CENTRE.public_key())
NEW = Ed25519PrivateKey.generate()
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def said(manifest: Manifest, *acts: StatementAct, key: Ed25519PrivateKey = CENTRE, at: datetime = NOON) -> list[SignedStatement]:
    found: list[SignedStatement] = []
    for number, act in enumerate(acts, 1):
        statement = Statement(
            manifest=manifest.digest(), edge_id=manifest.edge_id, camera_id=manifest.camera_id, sequence=manifest.sequence,
            previous=manifest.previous, number=number, before=digest(found[-1].statement) if found else FIRST, act=act,
            at=at + timedelta(minutes=number), by="Li", ground="retention" if act == "deleted" else None,
            key=write_key(key.public_key()),
        )
        found.append(countersign(statement, key))
    return found


def certificate(edge_id: str = "edge-1", public: str = PUBLIC, revoked_at: datetime | None = None) -> SignedCertificate:
    return certify(
        EdgeCertificate(
            edge_id=edge_id, public_key=public, enrolled_at=NOON, revoked_at=revoked_at, at=NOON, key=CENTRE_PUBLIC
        ),
        CENTRE,
    )


def package(*acts: StatementAct, revoked_at: datetime | None = None) -> dict[str, bytes]:
    manifest = make_manifest()
    word = CentreWord(edge=certificate(revoked_at=revoked_at), statements=said(manifest, *acts))
    return FILES | {
        "manifest.json": seal(manifest, KEY).model_dump_json().encode(), "edge.pub": PUBLIC.encode(),
        "centre.json": word.model_dump_json().encode(),
    }


def changed_word(files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    word = CentreWord.model_validate_json(files["centre.json"]).model_copy(update=changes)
    return files | {"centre.json": word.model_dump_json().encode()}


def chain(
    manifests: list[SealedManifest], statements: list[SignedStatement], keys: dict[str, str] | None = None,
    certificates: list[SignedCertificate] | None = None,
) -> dict[str, bytes]:
    export = ChainExport(
        camera_id="cam-1", keys=keys or {"edge-1": PUBLIC}, manifests=manifests, statements=statements,
        certificates=certificates or [certificate()],
    )
    return {"chain.json": export.model_dump_json().encode()}


def problems(files: dict[str, bytes], edges: list[str] | None = None, centres: list[str] | None = None) -> list[str]:
    return [finding.en for finding in verify(files, edges or (), centres or ()) if not finding.holds]


def told(files: dict[str, bytes]) -> str:
    return "\n".join(finding.en for finding in verify(files))


class TestPackage:
    def test_says_who_had_it_when_and_judged_it(self):
        files = package("received", "confirm")
        assert problems(files, centres=[CENTRE_PUBLIC]) == []
        assert "received from Li at 2026-05-01 12:01:00 UTC; confirmed by Li at 2026-05-01 12:02:00 UTC" in told(files)
        assert any("2026-05-01 20:01:00（北京时间）收到，来自 Li" in finding.zh for finding in verify(files))

    def test_the_centres_key_is_enough_to_trust_the_edges(self):
        stranger = write_key(NEW.public_key())
        assert problems(package("received"), centres=[CENTRE_PUBLIC]) == []
        assert problems(package("received"), centres=[stranger])
        without = {name: content for name, content in package("received").items() if name != "centre.json"}
        assert "none of those that you trust" in problems(without, centres=[CENTRE_PUBLIC])[0]
        assert problems(without) == []

    def test_one_flipped_byte_of_the_word_is_found(self):
        files = package("received", "confirm")
        content = files["centre.json"]
        for at in range(len(content)):
            flipped = bytearray(content)
            flipped[at] ^= 1 << at % 7
            assert problems(files | {"centre.json": bytes(flipped)}), (at, bytes(flipped))

    @pytest.mark.parametrize("removed", [0, 1])
    def test_a_statement_that_was_taken_out_is_found(self, removed: int):
        files = package("received", "dismiss", "undo")
        statements = CentreWord.model_validate_json(files["centre.json"]).statements
        left = [one for number, one in enumerate(statements) if number != removed]
        assert any("does not follow the one before it" in problem for problem in problems(changed_word(files, statements=left)))

    def test_anothers_statements_are_found(self):
        files = package("received")
        forged = said(link(1, FIRST_OF_CHAIN).manifest, "received")
        assert any("about another manifest" in problem for problem in problems(changed_word(files, statements=forged)))

    def test_a_certificate_for_another_key_is_found(self):
        files = changed_word(package("received"), edge=certificate(public=write_key(NEW.public_key())))
        assert any("did not sign that this key is the edge's" in problem for problem in problems(files))

    def test_a_key_that_was_revoked_later(self):
        assert problems(package("received", revoked_at=NOON + timedelta(hours=1))) == []
        assert "The key was revoked at 2026-05-01 13:00:00 UTC; it came in before" in told(
            package("received", revoked_at=NOON + timedelta(hours=1))
        )

    @pytest.mark.parametrize(("acts", "revoked_at"), [(("received",), NOON), (("confirm",), NOON + timedelta(hours=1))])
    def test_a_key_that_was_revoked_before(self, acts: tuple[StatementAct, ...], revoked_at: datetime):
        found = problems(package(*acts, revoked_at=revoked_at))
        assert any("nothing shows that the centre had it before" in one for one in found)


class TestTombstone:
    def test_leaves_no_gap_and_is_told(self):
        first, gone, last = links(3)
        files = chain([first, last], said(gone.manifest, "received", "deleted"))
        assert problems(files, centres=[CENTRE_PUBLIC]) == []
        assert "Number 2: lawfully deleted by Li at 2026-05-01 12:02:00 UTC (retention)" in told(files)

    def test_one_that_the_centre_did_not_sign_is_found(self):
        first, gone, last = links(3)
        received, tombstone = said(gone.manifest, "received", "deleted")
        forged = tombstone.model_copy(update={"statement": tombstone.statement.model_copy(update={"by": "Wang"})})
        assert problems(chain([first, last], [received, forged])) == [
            "Number 2: Statement 2 of the centre was not signed by the key that it names: lawfully deleted by Wang at "
            "2026-05-01 12:02:00 UTC (retention)."
        ]

    def test_one_with_another_key_is_found(self):
        first, gone, last = links(3)
        forged = said(gone.manifest, "received", "deleted", key=NEW)
        found = problems(chain([first, last], forged), centres=[CENTRE_PUBLIC])
        assert any("is none of those that you trust" in one for one in found)

    def test_one_for_another_digest_does_not_hold_the_link(self):
        first, _, last = links(3)
        other = link(2, first.manifest.digest(), track=9)
        assert problems(chain([first, last], said(other.manifest, "deleted"))) == [
            "Number 3 does not follow the one before it."
        ]

    def test_a_manifest_that_is_not_here_and_not_deleted(self):
        first, gone, last = links(3)
        (problem,) = problems(chain([first, last], said(gone.manifest, "received", "confirm")))
        assert problem.startswith("Number 2 is missing, although the centre says of it: received from Li")

    def test_one_flipped_byte_is_found(self):
        first, gone = links(2)
        (content,) = chain([first], [*said(first.manifest, "received"), *said(gone.manifest, "received", "deleted")]).values()
        for at in range(len(content)):
            flipped = bytearray(content)
            flipped[at] ^= 1 << at % 7
            assert problems({"chain.json": bytes(flipped)}), (at, bytes(flipped))


class TestCertificate:
    def test_one_that_was_changed_is_found(self):
        """Or a revocation could be taken out of it."""
        (first,), revoked = links(1), certificate(revoked_at=NOON)
        changed = revoked.model_copy(update={"certificate": revoked.certificate.model_copy(update={"revoked_at": None})})
        assert problems(chain([first], said(first.manifest, "received"), certificates=[changed])) == [
            "The centre did not sign that this key is the edge's."
        ]

    def test_one_of_another_centre_is_found_although_the_edge_is_known(self):
        stranger = certify(certificate().certificate.model_copy(update={"key": write_key(NEW.public_key())}), NEW)
        (problem,) = problems(chain(links(1), [], certificates=[stranger]), [PUBLIC], [CENTRE_PUBLIC])
        assert "with which the centre is said to have signed, is none of those that you trust" in problem


class TestNewKey:
    """A chain of edge-1, and one of edge-2, which took the camera over."""

    def export(self, old: list[SealedManifest], start: str, at: datetime = NOON + timedelta(days=1)) -> dict[str, bytes]:
        new = link(1, start, NEW, edge_id="edge-2")
        public = write_key(NEW.public_key())
        statements = [one for sealed in old for one in said(sealed.manifest, "received")]
        return chain(
            [*old, new], [*statements, *said(new.manifest, "received", at=at)], {"edge-1": PUBLIC, "edge-2": public},
            [certificate(revoked_at=NOON + timedelta(hours=1)), certificate("edge-2", public)],
        )

    def test_goes_on_where_the_old_one_ended(self):
        old = links(3)
        files = self.export(old, old[-1].manifest.digest())
        assert problems(files, centres=[CENTRE_PUBLIC]) == []
        assert "names number 3 of edge-1, the last before it" in told(files)
        assert "The key was revoked at 2026-05-01 13:00:00 UTC; all records came in before that." in told(files)

    def test_one_that_begins_anew_is_told(self):
        (found,) = (one for one in verify(self.export(links(3), FIRST_OF_CHAIN)) if not one.holds)
        assert "A new key must name the last record" in found.en
        assert found.about.endswith("edge-2")  # not the box that was there before

    def test_one_that_passes_over_the_last_is_a_fork(self):
        old = links(3)
        assert "which had 1 more by then: the chain forks" in problems(self.export(old, old[1].manifest.digest()))[0]

    def test_one_that_names_what_nobody_has(self):
        assert "what it names is not here" in problems(self.export(links(3), "a" * 64))[0]

    def test_what_a_revoked_key_signs_later_is_found(self):
        old = links(2)
        files = chain(
            old, [*said(old[0].manifest, "received"), *said(old[1].manifest, "received", at=NOON + timedelta(hours=2))],
            certificates=[certificate(revoked_at=NOON + timedelta(hours=1))],
        )
        assert problems(files) == [
            "Number 2 was signed with a key that was revoked at 2026-05-01 13:00:00 UTC, and nothing shows that the centre had "
            "it before."
        ]
