"""`acquaint verify`: whether journal, topic and graph hold what was recorded, to the last record."""

from services.cli.verify.command import app

__all__ = ["app"]
