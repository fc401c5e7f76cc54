"""Transactions: repeated when they left no trace, ended within their time, errors in our words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from services.platform.errors import DependencyUnavailable
from services.platform.mongo import (
    ASCENDING,
    Database,
    DatabaseError,
    DatabaseUnavailable,
    DuplicateKey,
    Index,
    InsertOne,
    Session,
    UpdateOne,
    admin_command,
)
from services.platform.settings import MongoSettings
from tests import runtime

BY_NUMBER = Index(name="number", keys=[("number", ASCENDING)], unique=True)


@pytest.fixture
async def mongo(database: runtime.Database, database_name: str) -> AsyncIterator[Database]:
    connected = Database.connect(MongoSettings(uri=database.uri), database_name)
    await connected.ensure({"things": [BY_NUMBER]})
    yield connected
    await connected.drop()
    await connected.close()


async def test_what_a_transaction_wrote_is_there_and_its_result_is_returned(mongo: Database) -> None:
    things = mongo.collection("things")

    async def body(session: Session) -> str:
        await things.insert_many([{"number": 1}, {"number": 2}], session=session)
        return "done"

    assert await mongo.transaction(body) == "done"
    assert await things.count({}) == 2


async def test_a_body_that_raises_leaves_nothing_and_its_error_is_raised(mongo: Database) -> None:
    things = mongo.collection("things")

    async def body(session: Session) -> None:
        await things.insert_one({"number": 1}, session=session)
        raise LookupError("changed my mind")

    with pytest.raises(LookupError):
        await mongo.transaction(body)
    assert await things.count({}) == 0


async def test_transactions_in_conflict_are_repeated_until_each_took_effect_once(mongo: Database) -> None:
    things = mongo.collection("things")
    await things.insert_one({"number": 1, "sum": 0})

    async def add(session: Session) -> None:
        found = await things.find_one({"number": 1}, session=session)
        assert found is not None
        await things.update_one({"number": 1}, {"$set": {"sum": found["sum"] + 1}}, session=session)

    await asyncio.gather(*(mongo.transaction(add) for _ in range(10)))
    found = await things.find_one({"number": 1})
    assert found is not None
    assert found["sum"] == 10


async def test_a_taken_key_is_named_in_and_outside_of_transactions(mongo: Database) -> None:
    things = mongo.collection("things")
    await things.insert_one({"number": 1})

    async def body(session: Session) -> None:
        await things.insert_one({"number": 1}, session=session)

    with pytest.raises(DuplicateKey) as single:
        await mongo.transaction(body)
    with pytest.raises(DuplicateKey) as bulk:
        await things.bulk_write([InsertOne({"number": 3}), InsertOne({"number": 1})])
    assert single.value.key_pattern == {"number": 1}
    assert (bulk.value.key_value, bulk.value.index) == ({"number": 1}, 1)


async def test_a_transaction_that_takes_too_long_ends_and_leaves_no_lock(mongo: Database) -> None:
    things = mongo.collection("things")
    await things.insert_one({"number": 1})

    async def linger(session: Session) -> None:
        await things.update_one({"number": 1}, {"$set": {"by": "slow"}}, session=session)
        while True:
            await things.find_one({"number": 1}, session=session)

    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        await mongo.transaction(linger, seconds=0.3)
    assert (await things.update_one({"number": 1}, {"$set": {"by": "next"}})).matched == 1
    assert time.monotonic() - began < 5


async def test_a_cancelled_caller_waits_until_the_server_knows(mongo: Database) -> None:
    things = mongo.collection("things")
    await things.insert_one({"number": 1})
    inside = asyncio.Event()

    async def body(session: Session) -> None:
        await things.update_one({"number": 1}, {"$set": {"by": "cancelled"}}, session=session)
        inside.set()
        await things.find_one({"number": 1}, session=session)

    caller = asyncio.create_task(mongo.transaction(body))
    await inside.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    began = time.monotonic()
    await things.update_one({"number": 1}, {"$set": {"by": "next"}})
    assert time.monotonic() - began < 2
    assert (await things.find({"by": "next"})) != []


async def test_a_missing_database_is_unavailable_and_soon_so() -> None:
    away = Database.connect(
        MongoSettings(uri="mongodb://127.0.0.1:1/?replicaSet=none", server_selection_seconds=0.2), "away"
    )

    async def body(session: Session) -> None:
        await away.collection("things").find_one({}, session=session)

    for attempt in (away.now(), away.collection("things").find({}), away.transaction(body, seconds=0.5)):
        with pytest.raises(DependencyUnavailable):
            await attempt
    await away.close()


async def test_collections_and_indexes_are_created_once_and_a_changed_index_is_refused(mongo: Database) -> None:
    await mongo.ensure({"things": [BY_NUMBER], "others": []})
    with pytest.raises(DatabaseError):
        await mongo.ensure({"things": [Index(name="number", keys=[("number", ASCENDING)])]})


async def test_pages_come_in_order_and_hold_no_more_than_asked_for(mongo: Database) -> None:
    things = mongo.collection("things")
    await things.insert_many([{"number": number} for number in range(25)])
    pages = [
        [each["number"] for each in page]
        async for page in things.pages({}, {"number": 1}, sort=[("number", ASCENDING)], size=10)
    ]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [number for page in pages for number in page] == list(range(25))


async def test_reads_ask_for_what_a_majority_holds(mongo: Database, database: runtime.Database) -> None:
    things = mongo.collection("things")
    await admin_command(database.uri, {"profile": 2}, database=mongo.name)
    await things.find({"number": 7})
    await things.bulk_write([UpdateOne({"number": 7}, {"$set": {"seen": True}}, upsert=True)])
    await admin_command(database.uri, {"profile": 0}, database=mongo.name)
    profile = mongo.collection("system.profile")
    commands = [each["command"] for each in await profile.find({"ns": f"{mongo.name}.things"})]
    (read,) = [each for each in commands if "find" in each]
    assert read["readConcern"]["level"] == "majority"


async def test_the_database_tells_its_own_time_and_its_disk(mongo: Database) -> None:
    assert (await mongo.now()).tzinfo is not None
    storage = await mongo.storage()
    assert storage.disk > storage.free > 0


async def test_a_server_that_is_not_there_gives_no_answer_to_a_command_and_one_that_refuses_gives_its_code(
    database: runtime.Database,
) -> None:
    assert await admin_command(1, {"ping": 1}, seconds=0.2) is None
    with pytest.raises(DatabaseError) as refused:
        await admin_command(database.uri, {"nonsense": 1})
    assert refused.value.code == 59
