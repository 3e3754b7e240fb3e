"""Slows down the guessing of passwords: after a few failures each further one doubles the wait.

Kept in the database, so that all processes count together and a restart forgets nothing. Per login and address, and per address;
never per login alone, or anybody could lock anybody else out. Codes of a second factor are counted per account, from anywhere:
who guesses them knows the password, and may have any number of addresses.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from api.accounts import repository
from api.accounts.tables import SignInFailures
from api.kit.database import Work
from api.kit.problems import TooManyRequests
from api.kit.times import now

FREE_FAILURES = 5  # a person who has forgotten which password it was
LONGEST_WAIT_S = 900.0
# One address may stand for a whole office behind a router.
FREE_FAILURES_OF_ADDRESS = 50
# A person whose phone shows the wrong time; after an hour of guessing the odds are one in 15,000.
FREE_CODES = 10
# Otherwise the typing errors of an office would add up over months, until each one locks out everybody.
FORGOTTEN_AFTER = timedelta(hours=1)
IPV6_PREFIX = 64  # what a provider gives to one customer (RFC 6177): all addresses in it are one


class TooManyLogins(TooManyRequests):
    code = "too-many-logins"


async def begin(work: Work, login: str, address: str) -> None:
    """Counts as a failure until `succeeded` says otherwise, so that many tries at once are no way around.

    Raises TooManyLogins.
    """
    at = now()
    _count(await _entries(work, login, address, at), (FREE_FAILURES, FREE_FAILURES_OF_ADDRESS), at)


async def begin_code(work: Work, user_id: str) -> SignInFailures:
    """The code of an account whose password was right; counts like `begin`, until `code_fitted`. Raises TooManyLogins."""
    at = now()
    entry = await repository.failures_of(work, _key("codes", "of", user_id), at)
    _count([entry], (FREE_CODES,), at)
    return entry


def code_fitted(begun: SignInFailures) -> None:
    """In the transaction in which it was begun."""
    begun.count, begun.blocked_until = 0, now()


async def failed(work: Work, login: str, address: str) -> int:
    """The wait begins now: checking the password took its time. Returns how often this login has failed from this address."""
    at = now()
    entries = await _entries(work, login, address, at)
    _block(entries, (FREE_FAILURES, FREE_FAILURES_OF_ADDRESS), at)
    return entries[0].count


async def succeeded(work: Work, login: str, address: str) -> None:
    at = now()
    of_login, of_address = await _entries(work, login, address, at)
    of_login.count, of_login.blocked_until = 0, at
    _forgive(of_address, at)
    await repository.delete_old_failures(work, at - FORGOTTEN_AFTER)


async def code_needed(work: Work, login: str, address: str) -> None:
    """The password was right, so nobody guesses for others at this address; for the login it counts, until the code is right."""
    at = now()
    _, of_address = await _entries(work, login, address, at)
    _forgive(of_address, at)


async def _entries(work: Work, login: str, address: str, at: datetime) -> list[SignInFailures]:
    """Always in this order, so that two that sign in at once never wait for each other."""
    network = network_of(address)
    return [await repository.failures_of(work, _key(*words), at) for words in ((login, network), (network,))]


def _count(entries: Sequence[SignInFailures], free: Sequence[int], at: datetime) -> None:
    wait_s = max((entry.blocked_until - at).total_seconds() for entry in entries)
    if wait_s > 0:
        whole_s = int(wait_s) + 1
        raise TooManyLogins(f"Too many failed attempts. Try again in {whole_s} s.", retry_after_s=whole_s)
    for entry in entries:
        entry.count = 1 if at - entry.last_at > FORGOTTEN_AFTER else entry.count + 1
        entry.last_at = at
    _block(entries, free, at)


def _forgive(entry: SignInFailures, at: datetime) -> None:
    entry.count, entry.blocked_until = max(0, entry.count - 1), at


def _block(entries: Sequence[SignInFailures], free: Sequence[int], at: datetime) -> None:
    for entry, most in zip(entries, free, strict=True):
        if entry.count >= most:
            entry.blocked_until = at + timedelta(seconds=min(2.0 ** min(entry.count - most, 20), LONGEST_WAIT_S))


def network_of(address: str) -> str:
    """What counts as one address."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(number, ipaddress.IPv4Address):
        return str(number)
    # A proxy that takes IPv4 on a socket of IPv6 hands on ::ffff:192.0.2.1. In one network, all would lock each other out.
    return str(number.ipv4_mapped or ipaddress.ip_network((number, IPV6_PREFIX), strict=False))


def _key(*words: str) -> str:
    """Not in the clear: what is typed as a login may be a password."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
