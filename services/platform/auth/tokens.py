"""The tokens we make or show ourselves: development tokens for the local stack, and a service's own token for peers."""

from __future__ import annotations

from collections.abc import Callable, Collection

import jwt

from services.platform.auth.principal import ANY, CLIENT
from services.platform.clock import Clock, SystemClock
from services.platform.settings import ServiceSettings

DEVELOPMENT_ISSUER = "acquaint-development"
DEVELOPMENT_AUDIENCE = "acquaint"
_LIFETIME_SECONDS = 24 * 3600.0
_FILE_SECONDS = 30.0


def development_token(
    key: str,
    client: str = "acquaint-cli",
    person: str | None = None,
    acting_for: str | None = None,
    roles: Collection[str] = (CLIENT,),
    *,
    clock: Clock | None = None,
) -> str:
    """A token for the mode development, valid for a day.

    With `person` it is that person's own; else the client's, who may act for `acting_for` ("*": for anybody).
    """
    claims: dict[str, object] = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": DEVELOPMENT_AUDIENCE,
        "exp": (clock or SystemClock()).now().timestamp() + _LIFETIME_SECONDS,
        "client": client,
        "roles": sorted(roles),
    }
    if person is not None:
        claims["person"] = person
    if acting_for is not None:
        claims["acting_for"] = [acting_for]
    return jwt.encode(claims, key, algorithm="HS256")


def peer_token(settings: ServiceSettings, clock: Clock) -> Callable[[], str]:
    """What a service shows to the other services: a development token, the token set for peers, or its file's content.

    The text is empty where no token is needed (mTLS, auth disabled). A file is read again every half minute, so that
    it can be replaced while the service runs; raises OSError if it cannot be read.
    """
    if settings.auth.mode == "development":
        key = settings.auth.development_key.get_secret_value()
        return _renewed(
            lambda: development_token(key, settings.service, acting_for=ANY, clock=clock), _LIFETIME_SECONDS / 2, clock
        )
    path = settings.peers.token_file
    if path is not None:
        return _renewed(lambda: path.read_text().strip(), _FILE_SECONDS, clock)
    return lambda: settings.peers.token


def _renewed(make: Callable[[], str], seconds: float, clock: Clock) -> Callable[[], str]:
    token, made_at = make(), clock.monotonic()

    def current() -> str:
        nonlocal token, made_at
        if clock.monotonic() - made_at >= seconds:
            token, made_at = make(), clock.monotonic()
        return token

    return current
