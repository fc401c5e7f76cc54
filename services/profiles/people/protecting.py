"""Boundaries, and the end: what must hold for both sides at once and be noticed by neither.

The answer to setting a boundary is the same whoever the other is: there, paused, erased, or never heard of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from acquaint.errors.v1 import error_reason_pb2

from services.platform.errors import invalid, precondition
from services.platform.mongo import Session
from services.profiles.people.editing import no_such_person
from services.profiles.people.writer import Change, Writer
from services.profiles.store import Erased, Person

MOST_BOUNDARIES = 1000


class Protecting:
    """Sets and removes boundaries; erases people."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def set_boundary(self, person_id: str, other_id: str) -> None:
        """Sets a boundary; raises ServiceError NOT_FOUND for `person_id` alone, whatever the other is."""
        if person_id == other_id:
            raise invalid("other_person_id", "a boundary needs two people")

        async def add(session: Session) -> bool:
            boundaries = self._writer.boundaries
            added = await boundaries.add(session, person_id, other_id)
            if added and await boundaries.count_set_by(session, person_id, MOST_BOUNDARIES + 1) > MOST_BOUNDARIES:
                raise precondition(
                    error_reason_pb2.ERROR_REASON_QUOTA_EXCEEDED,
                    f"a person can set {MOST_BOUNDARIES} boundaries; remove one first",
                )
            return added

        await self._between(person_id, other_id, add)

    async def remove_boundary(self, person_id: str, other_id: str) -> None:
        """Removes a boundary the person set; one that the other set stays, and nothing tells of it."""

        async def remove(session: Session) -> bool:
            return await self._writer.boundaries.remove(session, person_id, other_id)

        await self._between(person_id, other_id, remove)

    async def erase(self, person_id: str) -> int:
        """Erases the person here and publishes it; returns the final version. Again: the same answer.

        Somebody who has no profile is erased as well: a feed that names them later is refused. Erasing is never
        refused for want of space.
        """

        async def body(session: Session) -> int:
            present = await self._writer.people.get(person_id, session)
            if isinstance(present, Erased):
                return present.version
            return await self._writer.erase(session, person_id, present)

        return await self._writer.commit(body)

    async def _between(self, person_id: str, other_id: str, act: Callable[[Session], Awaitable[bool]]) -> None:
        await self._writer.check_capacity()

        async def body(session: Session) -> None:
            people = await self._writer.people.many([person_id, other_id], session)
            if not isinstance(people.get(person_id), Person):
                raise no_such_person(person_id)
            if await act(session):
                both = [person for person in people.values() if isinstance(person, Person)]
                await self._writer.write(session, [Change(before=each, after=each, boundaries=True) for each in both])

        await self._writer.commit(body)
