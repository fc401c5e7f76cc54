"""Readers of state topics keep the highest version; what was erased stays erased."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from random import Random

import pytest

from services.platform.consumer import State, highest_version
from services.platform.mongo import Database, Session
from services.platform.settings import MongoSettings
from tests.runtime import Database as Server


@pytest.fixture
async def store(database: Server, database_name: str) -> AsyncIterator[Database]:
    store = Database.connect(MongoSettings(uri=database.uri), database_name)
    await store.ensure({"people": ()})
    yield store
    await store.drop()
    await store.close()


async def apply(store: Database, states: Sequence[State]) -> list[State]:
    async def body(session: Session) -> list[State]:
        return list(await highest_version(session, store.collection("people"), states))

    return await store.transaction(body)


def of(key: str, version: int, name: str | None = "") -> State:
    document = None if name is None else {"name": name or f"{key}{version}"}
    return State(key=key, version=version, document=document)


async def test_a_newer_state_replaces_the_whole_older_one(store: Database) -> None:
    await apply(store, [State(key="a", version=1, document={"name": "x", "old": 1})])
    assert await apply(store, [of("a", 2)]) == [of("a", 2)]
    assert await store.collection("people").find({}) == [{"_id": "a", "name": "a2", "version": 2, "erased": False}]


async def test_a_stale_or_repeated_state_has_no_effect(store: Database) -> None:
    await apply(store, [of("a", 5)])
    assert await apply(store, [of("a", 4), of("a", 5)]) == []
    (kept,) = await store.collection("people").find({})
    assert kept["version"] == 5


async def test_an_erased_state_is_final_and_leaves_nothing_else(store: Database) -> None:
    await apply(store, [of("a", 3)])
    assert await apply(store, [of("a", 4, None)]) == [of("a", 4, None)]
    assert await apply(store, [of("a", 9)]) == []
    assert await store.collection("people").find({}) == [{"_id": "a", "version": 4, "erased": True}]


async def test_within_a_batch_only_the_last_word_takes_effect(store: Database) -> None:
    took = await apply(store, [of("a", 1), of("b", 1), of("a", 3), of("a", 2), of("c", 2, None), of("c", 7)])
    assert took == [of("b", 1), of("a", 3), of("c", 2, None)]


async def test_any_order_and_any_repetition_lead_to_the_same_state(store: Database) -> None:
    states = [of(key, version) for key in "abcd" for version in range(1, 6)] + [of("d", 4, None)]
    random = Random(7)
    expected = [
        *({"_id": key, "name": f"{key}5", "version": 5, "erased": False} for key in "abc"),
        {"_id": "d", "version": 4, "erased": True},
    ]
    for _ in range(5):
        await store.collection("people").delete_many({})
        shuffled = random.choices(states, k=40) + random.sample(states, len(states))
        for start in range(0, len(shuffled), 9):
            await apply(store, shuffled[start : start + 9])
        assert await store.collection("people").find({}, sort=[("_id", 1)]) == expected


async def test_no_states_are_no_work(store: Database) -> None:
    assert await apply(store, []) == []
