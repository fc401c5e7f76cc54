"""What happens to every call before and after its handler, wrapped around each method once instead of per call."""

from services.platform.interceptors.chain import Chain

__all__ = ["Chain"]
