"""Entry point: `python -m services.profiles`."""

from services.platform.runtime import run
from services.profiles.app import NAME, build
from services.profiles.settings import ProfilesSettings

run(NAME, ProfilesSettings, build)
