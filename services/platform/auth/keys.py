"""The keys an issuer signs with: one from a file, or a set that is fetched again when it ages or a new key appears.

A set that cannot be renewed goes on being used: an issuer that is away must not stop people who hold valid tokens.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.platform.clock import Clock
from services.platform.errors import unavailable
from services.platform.settings import AuthSettings
from services.platform.telemetry import get_logger

_FETCH_SECONDS = 5.0
_LEAST_PAUSE_SECONDS = 5.0
_MOST_BYTES = 1 << 20

logger = get_logger(__name__)


class Keys:
    """Finds the key of a token by its key id. Raises OSError or ValueError if a file of keys cannot be read."""

    def __init__(self, settings: AuthSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._only: Any | None = None
        self._fetched_at: float | None = None
        if settings.mode == "jwt" and not settings.jwks_url:
            # A file that cannot be read is a wrong setting and shows at start; an address may answer later.
            self._keys, self._only = _load(settings)
            self._fetched_at = clock.monotonic()
        self._renewal: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> Any | None:
        """The key, after a renewal if it is not known; None if the issuer has none of that id.

        Raises ServiceError UNAVAILABLE while no key at all could be fetched.
        """
        age = None if self._fetched_at is None else self._clock.monotonic() - self._fetched_at
        found = self._known(kid)
        if found is None and (age is None or age > _LEAST_PAUSE_SECONDS):
            await asyncio.shield(self._renew())
            found = self._known(kid)
        elif age is not None and age > self._settings.jwks_refresh_seconds:
            self._renew()
        if found is None and not self._keys and self._only is None:
            raise unavailable("the keys of the tokens' issuer could not be fetched")
        return found

    def _known(self, kid: str | None) -> Any | None:
        return self._only if kid is None or not self._keys else self._keys.get(kid)

    def _renew(self) -> asyncio.Task[None]:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._fetch(), name="auth-keys")
        return self._renewal

    async def _fetch(self) -> None:
        try:
            self._keys, self._only = await asyncio.to_thread(_load, self._settings)
        except (OSError, ValueError):
            logger.warning("keys_not_renewed", known=len(self._keys), exc_info=True)
        # Also after a failure: the next attempt waits its turn, or every call would make one.
        self._fetched_at = self._clock.monotonic()

    async def close(self) -> None:
        """Ends a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)


def _load(settings: AuthSettings) -> tuple[dict[str, Any], Any | None]:
    """Blocking: the keys by id, and the key for tokens that name no id, if there is but one."""
    if settings.public_key_file is not None:
        return {}, load_pem_public_key(settings.public_key_file.read_bytes())
    try:
        keys = jwt.PyJWKSet.from_dict(json.loads(_read(settings))).keys
    except jwt.PyJWTError as error:
        raise ValueError(f"not a set of keys: {error}") from None
    by_id = {key.key_id: key.key for key in keys if key.key_id is not None}
    return by_id, keys[0].key if len(keys) == 1 else None


def _read(settings: AuthSettings) -> bytes:
    if settings.jwks_file is not None:
        return settings.jwks_file.read_bytes()
    with urllib.request.urlopen(settings.jwks_url, timeout=_FETCH_SECONDS) as answer:
        content: bytes = answer.read(_MOST_BYTES)
        return content
