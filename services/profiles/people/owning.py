"""What the read-back of a state topic asks of its owner: every present version, and to publish some states again."""

from __future__ import annotations

from collections.abc import Sequence

from services.platform.mongo import Session
from services.platform.outbox import OwnState
from services.platform.topics import Topic
from services.profiles.people.states import PUBLIC
from services.profiles.people.writer import Writer
from services.profiles.store import Erased, Person


class Owner:
    """The owner of one of the two state topics."""

    def __init__(self, topic: Topic, writer: Writer) -> None:
        self._topic = topic
        self._writer = writer

    async def states(self, after: str, limit: int) -> Sequence[OwnState]:
        """People and entries of the ledger by id after `after`, with their versions on this topic."""
        return [self._state(each) for each in await self._writer.people.after(after, limit)]

    async def republish(self, keys: Sequence[str]) -> None:
        """Publishes the present state of each key again, with the version it has."""

        async def body(session: Session) -> None:
            found = (await self._writer.people.many(keys, session)).values()
            people = [each for each in found if isinstance(each, Person)]
            # Without it, a change that commits meanwhile could be published before what was read here.
            await self._writer.people.hold(session, [person.person_id for person in people])
            ended = [each for each in found if isinstance(each, Erased)]
            await self._writer.republish(session, self._topic, people, ended)

        await self._writer.commit(body)

    def _state(self, each: Person | Erased) -> OwnState:
        if isinstance(each, Erased):
            return OwnState(key=each.person_id, version=each.version, final=True)
        version = each.public_version if self._topic is PUBLIC else each.private_version
        return OwnState(key=each.person_id, version=version)
