"""Administrative commands to one member of a replica set, also to one that has no set yet or no primary."""

from __future__ import annotations

from typing import Any

from services.platform.mongo import DatabaseUnavailable, admin_command


async def command(port: int, body: dict[str, Any], *, seconds: float = 2.0) -> dict[str, Any] | None:
    """The answer of the member at `port`, or None when it did not answer. Raises DatabaseError when it refused."""
    try:
        return await admin_command(port, body, seconds=seconds)
    except DatabaseUnavailable:
        return None
