"""Entry point: `python -m services.recommendations`."""

from services.platform.runtime import run
from services.recommendations.app import build
from services.recommendations.settings import RecommendationsSettings

run("recommendations", RecommendationsSettings, build)
