"""Fakes and helpers for tests of every service: small, written by hand, under the same contracts as the real parts."""

from services.platform.testing.clock import ManualClock
from services.platform.testing.wait import eventually

__all__ = ["ManualClock", "eventually"]
