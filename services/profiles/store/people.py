"""The people: a profile is kept as its serialised message, so fields that this version does not know survive.

A person's document becomes their entry in the ledger of erasures: id, final version, a keyed hash of each identity.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acquaint.profiles.v1.profile_pb2 import Identity, Profile

from services.platform.mongo import ASCENDING, Database, Document, InsertOne, ReplaceOne, Session
from services.profiles.store.specs import META, PEOPLE

IdentityKey = tuple[str, str]
_CHECK = "identity_key"


class IdentityKeyChanged(Exception):
    """The key of identity hashes is not the one this database was made with: erased people would come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person as stored. `profile` is without version, etag and times; nobody changes it in place.

    `version` counts the person's changes; `public_version` and `private_version` are those of the last record on each
    state topic, which rise independently: a pause must not show on the open topic as a new version.
    `applied` is (generation, offset) of the last inbound record that took effect, `unit` the unit colleagues see.
    """

    person_id: str
    profile: Profile
    version: int
    public_version: int
    private_version: int
    created: datetime
    updated: datetime
    applied: tuple[int, int] | None = None
    unit: str = ""

    @property
    def identities(self) -> list[IdentityKey]:
        """The person's identities, each once."""
        return identity_keys(self.profile.identities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """An entry of the ledger: the final version, which both state topics carry, and hashes of the identities."""

    person_id: str
    version: int
    identity_hashes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a batch needs to know: the named people, who holds the named identities, and what of it was erased."""

    people: Mapping[str, Person | Erased]
    holders: Mapping[IdentityKey, str]
    erased_identities: frozenset[IdentityKey]
    erased_managers: frozenset[str]


def identity_keys(identities: Iterable[Identity]) -> list[IdentityKey]:
    """(system, id) of each, in order, each once."""
    return list(dict.fromkeys([(each.system, each.id) for each in identities]))


class People:
    """The collection of people and of the ledger."""

    def __init__(self, database: Database, identity_hash_key: str) -> None:
        self._people = database.collection(PEOPLE)
        self._meta = database.collection(META)
        self._key = identity_hash_key.encode()

    async def ensure(self) -> None:
        """Notes the key's fingerprint, once; raises IdentityKeyChanged if it was another one."""
        fingerprint = self._digest(b"fingerprint")
        await self._meta.update_one({"_id": _CHECK}, {"$setOnInsert": {"fingerprint": fingerprint}}, upsert=True)
        kept = await self._meta.find_one({"_id": _CHECK})
        if kept is None or bytes(kept["fingerprint"]) != fingerprint:
            raise IdentityKeyChanged

    def hash_of(self, identity: IdentityKey) -> bytes:
        """The keyed hash by which an erased person's identity is recognised."""
        system, name = identity
        return self._digest(f"{system}\n{name}".encode())

    async def get(self, person_id: str, session: Session | None = None) -> Person | Erased | None:
        """One person, or their entry in the ledger."""
        document = await self._people.find_one({"_id": person_id}, session=session)
        return None if document is None else _read(document)

    async def many(self, person_ids: Iterable[str], session: Session | None = None) -> dict[str, Person | Erased]:
        """Those of the named who exist or were erased."""
        found = await self._people.find({"_id": {"$in": list(person_ids)}}, session=session)
        return {document["_id"]: _read(document) for document in found}

    async def find(
        self,
        person_ids: Iterable[str],
        identities: Iterable[IdentityKey] = (),
        managers: Iterable[str] = (),
        session: Session | None = None,
    ) -> Found:
        """The named people, whoever holds the named identities or held them before being erased, erased managers."""
        keys = list(identities)
        people = await self.many(person_ids, session)
        holders: dict[IdentityKey, str] = {}
        for person in people.values():
            if isinstance(person, Person):
                holders |= dict.fromkeys(person.identities, person.person_id)
        hashes = {self.hash_of(key): key for key in keys if key not in holders}
        erased: set[IdentityKey] = set()
        if hashes:
            written = [_written(key) for key in hashes.values()]
            wanted = {"$or": [{"identities": {"$in": written}}, {"identity_hashes": {"$in": list(hashes)}}]}
            for document in await self._people.find(wanted, session=session):
                other = _read(document)
                if isinstance(other, Person):
                    holders |= dict.fromkeys(other.identities, other.person_id)
                else:
                    erased.update(hashes[each] for each in other.identity_hashes if each in hashes)
        gone = {"_id": {"$in": list(managers)}, "erased": {"$exists": True}}
        erased_managers = [each["_id"] for each in await self._people.find(gone, {"_id": 1}, session=session)]
        return Found(
            people=people,
            holders=holders,
            erased_identities=frozenset(erased),
            erased_managers=frozenset(erased_managers),
        )

    async def reporting_to(self, manager_id: str, session: Session) -> list[Person]:
        """Those whose profile names this manager."""
        found = await self._people.find({"manager": manager_id}, session=session)
        return [person for person in map(_read, found) if isinstance(person, Person)]

    async def page(self, after: str, limit: int, unit_prefix: str = "") -> list[Person]:
        """People by id after `after`; with a prefix those whose visible unit is it or lies inside it."""
        wanted: dict[str, Any] = {"_id": {"$gt": after}, "profile": {"$exists": True}}
        if unit_prefix:
            inside = {"$gte": f"{unit_prefix}/", "$lt": f"{unit_prefix}0"}  # "0" follows "/"
            wanted["$or"] = [{"unit": unit_prefix}, {"unit": inside}]
        found = await self._people.find(wanted, sort=[("_id", ASCENDING)], limit=limit)
        return [person for person in map(_read, found) if isinstance(person, Person)]

    async def after(self, after: str, limit: int) -> list[Person | Erased]:
        """People and entries of the ledger by id after `after`."""
        found = await self._people.find({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=limit)
        return [_read(document) for document in found]

    async def write(
        self, session: Session, created: Sequence[Person | Erased], replaced: Sequence[Person | Erased]
    ) -> None:
        """Writes new people and new states of those who were read in this transaction, in one round trip.

        Raises DuplicateKey when another writer took an id or identity meanwhile; the transaction is then repeated.
        """
        inserts = [InsertOne(self._document(each)) for each in created]
        # Whoever gives up an identity is written before whoever takes it over.
        replaces = [ReplaceOne({"_id": each.person_id}, self._document(each)) for each in replaced]
        await self._people.bulk_write([*replaces, *inserts], session=session)

    async def hold(self, session: Session, person_ids: Sequence[str]) -> None:
        """Makes a change of these people that commits during this transaction conflict with it."""
        await self._people.update_many({"_id": {"$in": list(person_ids)}}, {"$inc": {"held": 1}}, session=session)

    def ledger_entry(self, person_id: str, person: Person | None, version: int) -> Erased:
        """What is kept of a person; somebody who never had a profile can be erased before a feed names them."""
        hashes = () if person is None else tuple(sorted(self.hash_of(key) for key in person.identities))
        return Erased(person_id=person_id, version=version, identity_hashes=hashes)

    def _digest(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, hashlib.sha256)

    def _document(self, person: Person | Erased) -> Document:
        if isinstance(person, Erased):
            entry: Document = {"_id": person.person_id, "erased": person.version}
            if person.identity_hashes:
                entry["identity_hashes"] = list(person.identity_hashes)
            return entry
        document: Document = {
            "_id": person.person_id,
            "profile": person.profile.SerializeToString(deterministic=True),
            "version": person.version,
            "public": person.public_version,
            "private": person.private_version,
            "created": person.created,
            "updated": person.updated,
            "unit": person.unit,
        }
        if person.profile.manager_id:
            document["manager"] = person.profile.manager_id
        if person.applied is not None:
            document["applied"] = list(person.applied)
        if identities := person.identities:
            document["identities"] = [_written(key) for key in identities]
        return document


def _written(identity: IdentityKey) -> str:
    # A system's name holds no newline, so the two parts stay apart.
    return "\n".join(identity)


def _read(document: Document) -> Person | Erased:
    if "erased" in document:
        hashes = tuple(bytes(each) for each in document.get("identity_hashes", ()))
        return Erased(person_id=document["_id"], version=document["erased"], identity_hashes=hashes)
    applied = document.get("applied")
    return Person(
        person_id=document["_id"],
        profile=Profile.FromString(document["profile"]),
        version=document["version"],
        public_version=document["public"],
        private_version=document["private"],
        created=document["created"],
        updated=document["updated"],
        applied=None if applied is None else (applied[0], applied[1]),
        unit=document["unit"],
    )
