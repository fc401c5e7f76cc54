"""Asks a Kafka broker for its metadata over a bare socket: waiting neither logs nor retries as a client would."""

from __future__ import annotations

import asyncio
import struct

METADATA = 3
# Length, API key, version 0, correlation id, client id "acquaint", an empty array of topics.
_BODY = struct.pack(">hhih8si", METADATA, 0, 1, 8, b"acquaint", 0)
REQUEST = struct.pack(">i", len(_BODY)) + _BODY


async def answers_metadata(host: str, port: int, *, seconds: float = 2.0) -> bool:
    """True when the broker answers and names at least one broker that is up (itself)."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(REQUEST)
                await writer.drain()
                (length,) = struct.unpack(">i", await reader.readexactly(4))
                answer = await reader.readexactly(length)
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    _, brokers = struct.unpack(">ii", answer[:8])
    return bool(brokers > 0)
