"""A certificate that was renewed, and one that ends."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.certificate import CertificateUnusable, Renewing, said_of_its_end
from api.kit.times import now
from tests.api.certificates import self_signed


async def shown(context: ssl.SSLContext) -> str:
    """The certificate that whoever connects now is shown."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        return await asyncio.to_thread(ssl.get_server_certificate, server.sockets[0].getsockname())


async def test_one_that_was_renewed_is_shown_without_a_restart(tmp_path: Path):
    certificate, key = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    renewing = Renewing(context, certificate, key, now, print)
    await renewing.look()
    before = await shown(context)
    other, its_key = self_signed(tmp_path / "renewed")
    other.replace(certificate)
    with pytest.raises(CertificateUnusable):  # the key comes a moment later
        await renewing.look()
    assert await shown(context) == before
    its_key.replace(key)
    await renewing.look()
    assert await shown(context) == certificate.read_text() != before


async def test_an_end_that_comes_near_while_the_centre_runs_is_told_once(tmp_path: Path):
    certificate, key = self_signed(tmp_path, days=80)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    told: list[str] = []
    at = now()
    renewing = Renewing(context, certificate, key, lambda: at, told.append)
    for days in (0, 60, 7, 1, 20, 1):
        at += timedelta(days=days)
        await renewing.look()
    assert [words.removeprefix(f"The certificate {certificate} ").split()[0] for words in told] == ["ends", "ended"]


@pytest.mark.parametrize(("days", "word"), [(-2, " ended on "), (5, " ends on ")])
def test_an_end_that_is_near_or_over_is_told(tmp_path: Path, days: int, word: str):
    certificate, _ = self_signed(tmp_path, days=days)
    assert word in (said_of_its_end(certificate, datetime.now(UTC)) or "")


def test_an_end_that_is_far_is_not_told(tmp_path: Path):
    certificate, _ = self_signed(tmp_path, days=80)
    assert said_of_its_end(certificate, datetime.now(UTC)) is None
