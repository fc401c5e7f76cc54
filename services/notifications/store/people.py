"""What this service keeps of people: the highest version of each half of a profile; an erasure is final."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.notifications.domain import Person
from services.notifications.store.documents import to_person
from services.platform.consumer import State, highest_version
from services.platform.mongo import Database, Document, Session

PUBLIC = "public_profiles"
PRIVATE = "private_profiles"
INBOXES = "inboxes"


class PeopleStore:
    """The people this service writes to or about."""

    def __init__(self, database: Database) -> None:
        self._halves = {name: database.collection(name) for name in (PUBLIC, PRIVATE)}
        self._inboxes = database.collection(INBOXES)

    async def keep(self, session: Session, half: str, states: Sequence[State]) -> None:
        """Keep each state of the half PUBLIC or PRIVATE unless a higher version, or an erasure, was kept before."""
        await highest_version(session, self._halves[half], states)

    async def get(self, person_ids: Iterable[str], *, session: Session | None = None) -> dict[str, Person]:
        """Those of the people of whom anything is known, by id."""
        wanted = {"_id": {"$in": sorted(set(person_ids))}}
        halves: dict[str, dict[str, Document]] = {}
        for name, collection in self._halves.items():
            for document in await collection.find(wanted, session=session):
                halves.setdefault(document["_id"], {})[name] = document
        return {
            person_id: to_person(person_id, found.get(PUBLIC), found.get(PRIVATE))
            for person_id, found in halves.items()
        }

    async def advance(self, session: Session, arrivals: Mapping[str, int]) -> dict[str, int]:
        """Take `n` inbox positions for each person; returns the first of each. Positions never repeat."""
        first: dict[str, int] = {}
        for person_id, count in sorted(arrivals.items()):
            document = await self._inboxes.find_one_and_update(
                {"_id": person_id}, {"$inc": {"position": count}}, upsert=True, session=session
            )
            assert document is not None  # upserted
            first[person_id] = int(document["position"]) - count + 1
        return first

    async def latest(self, person_id: str) -> int:
        """The last inbox position taken, 0 for none."""
        document = await self._inboxes.find_one({"_id": person_id})
        return int(document["position"]) if document else 0
