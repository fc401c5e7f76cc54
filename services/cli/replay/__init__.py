"""`acquaint replay`: an interaction stream from a file, recorded as if it had just happened; on development stacks."""

from services.cli.replay.command import app

__all__ = ["app"]
