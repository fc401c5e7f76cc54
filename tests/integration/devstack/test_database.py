"""The local replica set keeps data through stops and kills, moves when its port is taken, survives a lost primary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.devstack.errors import PortTaken
from services.devstack.mongo import LocalDatabase
from services.devstack.ports import LOOPBACK
from services.platform.mongo import Database
from services.platform.settings import MongoSettings
from services.platform.testing import eventually


@asynccontextmanager
async def connected(local: LocalDatabase) -> AsyncIterator[Database]:
    database = Database.connect(MongoSettings(uri=local.uri), "kept")
    yield database
    await database.close()


async def write(local: LocalDatabase, name: str) -> None:
    async with connected(local) as database:
        await database.collection("things").insert_one({"_id": name})


async def names(local: LocalDatabase) -> set[str]:
    async with connected(local) as database:
        return {thing["_id"] for thing in await database.collection("things").find({})}


async def test_what_was_acknowledged_survives_a_stop_and_a_kill_on_the_same_port(tmp_path: Path) -> None:
    async with LocalDatabase(data_dir=tmp_path) as local:
        uri = local.uri
        await write(local, "before the stop")
        await local.stop()
        await local.start()
        await write(local, "before the kill")
        await local.kill()
        await local.start()
        assert local.uri == uri
        assert await names(local) == {"before the stop", "before the kill"}


async def test_a_database_whose_port_was_taken_moves_with_its_data(tmp_path: Path) -> None:
    async with LocalDatabase(data_dir=tmp_path) as local:
        await write(local, "before the move")
        await local.stop()
        old = local.members[0].port
        other = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, old)
        async with other:
            await local.start()
            assert local.members[0].port != old
            assert await names(local) == {"before the move"}


async def test_a_port_asked_for_by_number_is_not_replaced(tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, 0) as other:
        with pytest.raises(PortTaken):
            await LocalDatabase(data_dir=tmp_path, port=other.sockets[0].getsockname()[1]).start()


async def test_three_members_elect_another_primary_when_theirs_is_killed(tmp_path: Path) -> None:
    async with LocalDatabase(data_dir=tmp_path, members=3) as local:
        await write(local, "before the kill")
        first = await local.primary()
        assert first is not None
        await first.kill()

        async def another() -> bool:
            found = await local.primary()
            return found is not None and found is not first

        await eventually(another, timeout=20.0, what="another primary")
        await write(local, "after the kill")
        await first.start()
        assert await names(local) == {"before the kill", "after the kill"}


def test_a_set_of_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one member or three"):
        LocalDatabase(data_dir=tmp_path, members=2)
