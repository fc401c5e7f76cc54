"""Fetches what the local stack needs besides the wheels, once and checked: `python -m services.devstack.fetch`."""

from __future__ import annotations

import sys

from services.devstack.errors import DevstackError
from services.devstack.jars import class_path


def main() -> int:
    """Exit code 0 when everything is there, 1 with one sentence when something cannot be fetched."""
    try:
        class_path()
    except DevstackError as error:
        print(f"acquaint: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
