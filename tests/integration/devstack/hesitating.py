"""A service that finds its port taken the first time, because it waits until it is; run as a module."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from tests.integration.devstack import answering


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    mark = Path(os.environ["ACQUAINT_HESITATED"])
    if not mark.exists():
        mark.touch()
        while not is_taken(int(os.environ["ACQUAINT_RPC__PORT"])):
            time.sleep(0.01)
        raise SystemExit("the port is taken")
    answering.main()
