"""What one running centre holds: settings and the few things that live as long as the process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import anyio.to_thread

from api.alarms.mapping import AlarmFormat, load_formats
from api.cases.deadlines import Deadlines, load_deadlines
from api.clients.limits import Limiter, TokensRateLimited
from api.evidence.retention import Retention, load_retention
from api.feed.bell import Bell
from api.feed.shared import SharedReading
from api.kit.at_once import AtOnce
from api.kit.database import Database
from api.kit.files import Files
from api.kit.lock import make_folder
from api.kit.room import Room, room_in, tell
from api.kit.secrets import Keyring
from api.kit.settings import Settings
from api.kit.times import now
from api.trials.bells import EdgeBells
from contract.catalogue import Catalogue, Rule, load_catalogue


def _tell_nobody(_text: str) -> None:
    pass


@dataclass
class Centre:
    """Everything is made when first used, so that printing the OpenAPI document touches no disk."""

    settings: Settings
    # Called with one line for each new case, after its commit.
    announce: Callable[[str], None] = _tell_nobody
    public_url: str = ""
    # What a case knows of time; tests move it.
    clock: Callable[[], datetime] = now
    bell: Bell = field(default_factory=Bell)
    shared_reading: SharedReading = field(default_factory=SharedReading)
    trial_bells: EdgeBells = field(default_factory=EdgeBells)
    room: Room = Room.ENOUGH

    def __post_init__(self) -> None:
        scheme = "http" if self.settings.tls_certificate is None else "https"
        self.public_url = self.settings.public_url or f"{scheme}://{for_people(self.settings.host)}:{self.settings.port}"

    @cached_property
    def database(self) -> Database:
        make_folder(self.settings.data)
        return Database(self.settings.async_database_url, self.settings.database_wait_s)

    @cached_property
    def files(self) -> Files:
        if self.settings.files_url is not None:
            return Files.at_url(self.settings.files_url)
        return Files.in_folder(self.settings.data / "files")

    @cached_property
    def keyring(self) -> Keyring:
        if self.settings.keys is not None:
            return Keyring.from_setting(self.settings.keys)
        return Keyring.from_file(self.settings.data / "keys.json")

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue(self.settings.catalogue)

    @cached_property
    def limiter(self) -> Limiter:
        return Limiter("client", self.settings.client_requests_per_minute)

    @cached_property
    def requests_of_person(self) -> Limiter:
        return Limiter("person", self.settings.person_requests_per_minute)

    @cached_property
    def requests_of_box(self) -> Limiter:
        return Limiter("box", self.settings.box_requests_per_minute)

    @cached_property
    def requests_of_link(self) -> Limiter:
        return Limiter("link", self.settings.link_requests_per_minute)

    @cached_property
    def tokens_of_client(self) -> Limiter:
        return Limiter("client", self.settings.token_requests_per_minute, TokensRateLimited)

    @cached_property
    def tokens_of_address(self) -> Limiter:
        return Limiter("address", self.settings.token_requests_per_minute, TokensRateLimited)

    @cached_property
    def consents_of_person(self) -> Limiter:
        return Limiter("person", self.settings.consents_per_minute)

    @cached_property
    def streams(self) -> AtOnce:
        return AtOnce("streams of events", self.settings.streams_at_once)

    @cached_property
    def large_bodies(self) -> AtOnce:
        # One, and one more whose connection broke off and that is not known to be gone yet. Each lies in memory, 61 MB at most.
        return AtOnce("large uploads", 2)

    @cached_property
    def counts(self) -> AtOnce:
        # Of a year of a county each takes seconds of a processor, and all that time one of the connections that all others need.
        return AtOnce("counts of figures", 3)

    @cached_property
    def deadlines(self) -> Deadlines:
        return Deadlines(load_deadlines(self.settings.deadlines), self.catalogue)

    @cached_property
    def alarm_formats(self) -> dict[str, AlarmFormat]:
        return load_formats(self.settings.alarms)

    @cached_property
    def rules_of_cases(self) -> list[Rule]:
        """What a case can be of: what a model of ours sees, and what boxes of the shops' own tell of."""
        forms = self.alarm_formats.values()
        told = {code for form in forms for kinds in form.kinds.values() for kind in kinds for code in kind.rules}
        return [rule for rule in self.catalogue.rules if rule.available or rule.code in told]

    @cached_property
    def retention(self) -> Retention:
        return load_retention(self.settings.retention)

    async def look_at_room(self, _stopping: object = None) -> None:
        """What changed is told once."""
        if self.settings.database_url is not None and self.settings.files_url is not None:
            return  # what grows lies elsewhere
        before, self.room = self.room, await anyio.to_thread.run_sync(room_in, self.settings.data)
        if self.room is not before:
            tell(self.room, self.settings.data)

    async def close(self) -> None:
        if "database" in self.__dict__:
            await self.database.close()


def for_people(host: str) -> str:
    """An address that can be opened: nobody can visit 0.0.0.0."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
