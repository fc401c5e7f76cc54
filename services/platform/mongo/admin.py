"""Single commands to one server, also to one that has no replica set yet or no primary."""

from __future__ import annotations

import asyncio
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from services.platform.mongo.collection import Document
from services.platform.mongo.errors import translate


async def admin_command(
    server: int | str, body: dict[str, Any], *, database: str = "admin", seconds: float = 2.0
) -> Document | None:
    """The answer of one server, named by its loopback port or by a connection string; None when it did not answer.

    Raises DatabaseError with its `code` when the server refused.
    """
    return await asyncio.to_thread(_command, server, body, database, seconds)


def _command(server: int | str, body: dict[str, Any], database: str, seconds: float) -> Document | None:
    milliseconds = int(seconds * 1000)
    uri = f"mongodb://127.0.0.1:{server}" if isinstance(server, int) else server
    try:
        with MongoClient[Document](
            uri,
            directConnection=True,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=milliseconds,
        ) as client:
            return dict(client[database].command(body))
    except OperationFailure as refusal:
        raise translate(refusal) from refusal
    except PyMongoError:
        return None
