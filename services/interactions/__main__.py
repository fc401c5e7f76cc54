"""Entry point: `python -m services.interactions`."""

from services.interactions.app import build
from services.interactions.settings import InteractionsSettings
from services.platform.runtime import run

run("interactions", InteractionsSettings, build)
