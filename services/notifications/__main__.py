"""Entry of the notifications service: `python -m services.notifications`."""

from __future__ import annotations

from services.notifications.app import build
from services.notifications.settings import Settings
from services.platform.runtime import run

if __name__ == "__main__":
    run(Settings.service, Settings, build)
