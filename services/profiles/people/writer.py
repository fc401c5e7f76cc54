"""Writes changed people and, in the same transaction, the records of both state topics: neither exists alone.

All records of one write carry one version, above every version any of its people had. Rows that share a person can
then be numbered lowest version first, although each packs hundreds of people.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from acquaint.errors.v1 import error_reason_pb2

from services.platform.errors import aborted
from services.platform.mongo import Database, DuplicateKey, Session
from services.platform.outbox import Outbox
from services.platform.topics import Topic
from services.profiles.people.states import PRIVATE, PUBLIC, erased_state, private_state, public_state
from services.profiles.people.views import colleagues_part, matching_part
from services.profiles.store import Boundaries, Erased, People, Person

T = TypeVar("T")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A person before (None: new) and after. `boundaries` says that those around the person changed."""

    before: Person | None
    after: Person
    boundaries: bool = False


class Writer:
    """The only writer of people."""

    def __init__(self, database: Database, people: People, boundaries: Boundaries, outbox: Outbox) -> None:
        self.people = people
        self.boundaries = boundaries
        self._database = database
        self._outbox = outbox

    async def check_capacity(self) -> None:
        """Raises ServiceError RESOURCE_EXHAUSTED while too much is unpublished or the disk too full."""
        await self._outbox.check_capacity()

    async def commit(self, body: Callable[[Session], Awaitable[T]]) -> T:
        """Runs `body` in a transaction, again if another writer was faster, and wakes the relay."""
        for _ in range(_ATTEMPTS):
            try:
                answer = await self._database.transaction(body)
            except DuplicateKey:
                continue  # somebody made the same person, identity or boundary since our snapshot
            self._outbox.notify()
            return answer
        raise aborted(error_reason_pb2.ERROR_REASON_ETAG_MISMATCH, "others change the same people; read again")

    async def write(self, session: Session, changes: Sequence[Change]) -> list[Person]:
        """Writes the people of `changes` and publishes what of their states is new; returns them with versions."""
        public_version = _above(change.before.public_version for change in changes if change.before)
        private_version = _above(change.before.private_version for change in changes if change.before)
        written = [_versioned(change, public_version, private_version) for change in changes]
        await self.people.write(
            session,
            created=[after for change, after in zip(changes, written, strict=True) if change.before is None],
            replaced=_givers_first(
                [(change.before, after) for change, after in zip(changes, written, strict=True) if change.before]
            ),
        )
        publics = [person for person in written if person.public_version == public_version]
        privates = [person for person in written if person.private_version == private_version]
        await self._publish(session, publics, privates)
        return written

    async def erase(self, session: Session, person_id: str, present: Person | None) -> int:
        """Puts the entry of the ledger in the person's place, frees the others of them; returns the final version."""
        around = (await self.boundaries.around([person_id], session)).get(person_id, set())
        await self.boundaries.remove_all(session, person_id)
        others = {
            other.person_id: other
            for other in (await self.people.many(around, session)).values()
            if isinstance(other, Person)
        }
        reports = {person.person_id: person for person in await self.people.reporting_to(person_id, session)}
        touched = [present, *(others | reports).values()]
        final = _above(
            max(person.version, person.public_version, person.private_version) for person in touched if person
        )
        entry = self.people.ledger_entry(person_id, present, final)
        freed = [
            _freed(person, final, report=name in reports, boundary=name in others)
            for name, person in (others | reports).items()
        ]
        await self.people.write(
            session, created=[] if present else [entry], replaced=[*([entry] if present else []), *freed]
        )
        end = erased_state(entry)
        await self._outbox.append(session, PUBLIC, [end])
        await self._outbox.append(session, PRIVATE, [end])
        await self._publish(
            session,
            [person for person in freed if person.public_version == final],
            [person for person in freed if person.private_version == final],
        )
        return final

    async def republish(
        self, session: Session, topic: Topic, people: Collection[Person], ended: Collection[Erased]
    ) -> None:
        """Publishes present and last states on one topic again, versions unchanged."""
        if topic is PUBLIC:
            await self._publish(session, people, ())
        else:
            await self._publish(session, (), people)
        if ended:
            await self._outbox.append(session, topic, [erased_state(entry) for entry in ended])

    async def _publish(self, session: Session, publics: Collection[Person], privates: Collection[Person]) -> None:
        if publics:
            await self._outbox.append(session, PUBLIC, [public_state(person) for person in publics])
        if privates:
            around = await self.boundaries.around([person.person_id for person in privates], session)
            facts = [private_state(person, around.get(person.person_id, ())) for person in privates]
            await self._outbox.append(session, PRIVATE, facts)


def _above(versions: Iterable[int]) -> int:
    return 1 + max(versions, default=0)


def _versioned(change: Change, public_version: int, private_version: int) -> Person:
    before, after = change.before, change.after
    shown = colleagues_part(after.profile)
    public = before is None or shown != colleagues_part(before.profile)
    private = change.boundaries or before is None or matching_part(after.profile) != matching_part(before.profile)
    return replace(
        after,
        unit=shown.unit,
        public_version=public_version if public else after.public_version,
        private_version=private_version if private else after.private_version,
    )


def _givers_first(pairs: Sequence[tuple[Person, Person]]) -> list[Person]:
    """An identity that moves between people is given up before it is taken: its index is unique."""

    def takes_only(pair: tuple[Person, Person]) -> bool:
        before, after = pair
        if before.profile.identities == after.profile.identities:
            return True
        return not set(before.identities) - set(after.identities)

    return [after for _, after in sorted(pairs, key=takes_only)]


def _freed(person: Person, version: int, *, report: bool, boundary: bool) -> Person:
    profile = person.profile
    if report:
        profile = type(profile)()
        profile.CopyFrom(person.profile)
        profile.ClearField("manager_id")
    after = replace(person, profile=profile, version=person.version + report)
    return _versioned(Change(before=person, after=after, boundaries=boundary), version, version)
