"""A service that cannot start, and says why."""

from __future__ import annotations

if __name__ == "__main__":
    raise SystemExit("this service does not start")
