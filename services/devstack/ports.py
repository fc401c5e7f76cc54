"""Ports: the usual one when it is free, else another; once chosen it is remembered and kept while it stays free.

Ports are drawn from below the range the kernel gives to outgoing connections: a client that keeps knocking at the port
of a killed server can otherwise be connected to itself, and the server finds its port taken when it comes back.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
from contextlib import closing
from pathlib import Path

from services.devstack.errors import DevstackError, PortTaken
from services.devstack.files import write_atomically

FIRST, LAST = 20_000, 32_000
LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """True when a server could listen on this loopback port now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


async def is_listening(port: int) -> bool:
    """True when somebody accepts connections at this loopback port: the cheap question before a real one."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def free_port(avoid: frozenset[int] = frozenset()) -> int:
    """A port that nobody listens on, other than those in `avoid`."""
    for _ in range(1_000):
        port = random.randint(FIRST, LAST)
        if port not in avoid and is_free(port):
            return port
    raise DevstackError(f"no free port was found between {FIRST} and {LAST}; stop some programs and try again")


class PortBook:
    """The ports of one data directory, by name, kept in `ports.json` inside it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "ports.json"

    def remembered(self) -> dict[str, int]:
        """Name → port as last chosen; empty when there is no readable book."""
        try:
            book = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        if not isinstance(book, dict):
            return {}
        return {str(name): port for name, port in book.items() if isinstance(port, int)}

    def choose(self, name: str, *, usual: int | None = None, exactly: int | None = None) -> int:
        """The port for `name`: `exactly` (PortTaken if it is not free), else the remembered, usual or a free one."""
        book = self.remembered()
        others = frozenset(port for other, port in book.items() if other != name)
        if exactly is not None:
            if not is_free(exactly):
                raise PortTaken(name, exactly)
            port = exactly
        else:
            wanted = [candidate for candidate in (book.get(name), usual) if candidate is not None]
            free = (candidate for candidate in wanted if candidate not in others and is_free(candidate))
            port = next(free, None) or free_port(others)
        if book.get(name) != port:
            write_atomically(self._path, json.dumps(book | {name: port}, indent=1))
        return port
