"""Applies a batch of changes to people in order, in one transaction and few round trips, each with its own outcome.

A change is a function of the person as they are; it may run several times, for a transaction may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from acquaint.profiles.v1.profile_pb2 import Profile

from services.platform.clock import Clock
from services.platform.errors import ServiceError
from services.platform.mongo import Session
from services.profiles.people.outcomes import Outcome, Result, identity_taken, person_erased, refused
from services.profiles.people.writer import Change, Writer
from services.profiles.store import Erased, Found, IdentityKey, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A wanted change of one person.

    `change` is given the person, their entry in the ledger, or None, and returns a new profile, or the person's own if
    nothing changes; it raises ServiceError to refuse. `brings` and `manager_id` are what it may add. `position` is
    that of the inbound record: one not above the last applied has had its effect already. `left_alone` are fields that
    it names and may not change in a person who exists.
    """

    person_id: str
    change: Callable[[Person | Erased | None], Profile]
    brings: Sequence[IdentityKey] = ()
    manager_id: str = ""
    position: tuple[int, int] | None = None
    left_alone: Sequence[str] = ()


class Changes:
    """The way every change of a profile takes."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def commit(self, edits: Sequence[Edit]) -> list[Outcome]:
        """Applies and commits; raises ServiceError RESOURCE_EXHAUSTED when no more may be written."""
        await self.check_capacity()
        return await self._writer.commit(lambda session: self.apply(session, edits))

    async def check_capacity(self) -> None:
        """Raises ServiceError RESOURCE_EXHAUSTED when no more may be written."""
        await self._writer.check_capacity()

    async def one(self, edit: Edit) -> Person:
        """Applies and commits one change; raises the ServiceError that refuses it."""
        (outcome,) = await self.commit([edit])
        if outcome.error is not None:
            raise outcome.error
        assert outcome.person is not None
        return outcome.person

    async def preview(self, edits: Sequence[Edit]) -> list[Outcome]:
        """What `commit` would answer now; nothing is stored."""
        batch = _Batch(await self._find(None, edits), self._clock)
        return [batch.take(edit) for edit in edits]

    async def apply(self, session: Session, edits: Sequence[Edit]) -> list[Outcome]:
        """Applies inside the caller's transaction; raises DuplicateKey if it has to be repeated."""
        batch = _Batch(await self._find(session, edits), self._clock)
        outcomes = [batch.take(edit) for edit in edits]
        changes = batch.changes()
        if not changes:
            return outcomes
        written = {person.person_id: person for person in await self._writer.write(session, changes)}
        return [
            replace(outcome, person=written.get(outcome.person.person_id, outcome.person))
            if outcome.person
            else outcome
            for outcome in outcomes
        ]

    async def _find(self, session: Session | None, edits: Sequence[Edit]) -> Found:
        return await self._writer.people.find(
            {edit.person_id for edit in edits},
            {key for edit in edits for key in edit.brings},
            {edit.manager_id for edit in edits if edit.manager_id},
            session,
        )


class _Batch:
    """The people of one batch as its changes leave them, one after the other."""

    def __init__(self, found: Found, clock: Clock) -> None:
        self._before = found.people
        self._now: dict[str, Person | Erased] = dict(found.people)
        self._holders = dict(found.holders)
        self._found = found
        self._time = clock.now()

    def take(self, edit: Edit) -> Outcome:
        present = self._now.get(edit.person_id)
        if isinstance(present, Person) and _applied_already(present, edit):
            return Outcome(result=Result.UNCHANGED, person=present)
        try:
            profile = edit.change(present)
            if edit.manager_id in self._found.erased_managers and profile.manager_id == edit.manager_id:
                profile = _without_manager(profile, present)
            self._check_identities(edit, profile)
        except ServiceError as error:
            return refused(error)
        left_alone = edit.left_alone if isinstance(present, Person) else ()
        if not isinstance(present, Person):
            result, after = Result.CREATED, self._new(edit, profile)
        elif profile == present.profile:
            result, after = Result.UNCHANGED, present
            if edit.position is not None:
                after = replace(present, applied=edit.position)
        else:
            result = Result.UPDATED
            after = replace(
                present,
                profile=profile,
                version=present.version + 1,
                updated=self._time,
                applied=edit.position or present.applied,
            )
        self._keep(present, after)
        return Outcome(result=result, person=after, left_alone=left_alone)

    def changes(self) -> list[Change]:
        """What is to be written: everybody who is not as they were."""
        changed = []
        for name, after in self._now.items():
            before = self._before.get(name)
            if isinstance(after, Person) and after is not before:
                changed.append(Change(before=before if isinstance(before, Person) else None, after=after))
        return changed

    def _check_identities(self, edit: Edit, profile: Profile) -> None:
        if not edit.brings:
            return
        for place, identity in enumerate(profile.identities):
            key = (identity.system, identity.id)
            if key in self._found.erased_identities:
                raise person_erased(f"profile.identities[{place}]")
            if self._holders.get(key, edit.person_id) != edit.person_id:
                raise identity_taken(f"profile.identities[{place}]")

    def _new(self, edit: Edit, profile: Profile) -> Person:
        return Person(
            person_id=edit.person_id,
            profile=profile,
            version=1,
            public_version=0,
            private_version=0,
            created=self._time,
            updated=self._time,
            applied=edit.position,
        )

    def _keep(self, present: Person | Erased | None, after: Person) -> None:
        if after is present:
            return
        self._now[after.person_id] = after
        if isinstance(present, Person) and present.profile.identities == after.profile.identities:
            return
        for key in present.identities if isinstance(present, Person) else ():
            self._holders.pop(key, None)
        self._holders |= dict.fromkeys(after.identities, after.person_id)


def _applied_already(person: Person, edit: Edit) -> bool:
    return edit.position is not None and person.applied is not None and edit.position <= person.applied


def _without_manager(profile: Profile, present: Person | Erased | None) -> Profile:
    """An erased manager is left out rather than the whole person refused; the profile may be the stored one."""
    if isinstance(present, Person) and profile is present.profile:
        return profile
    profile.ClearField("manager_id")
    return profile
