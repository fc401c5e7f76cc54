"""Turns what a call brings (a bearer token, a certificate) into a Principal, by the mode that the settings choose.

Verified tokens are remembered for a minute: a signature costs more than all other checks of a call together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jwt
from acquaint.errors.v1 import error_reason_pb2

from services.platform.auth.clients import registered_clients
from services.platform.auth.keys import Keys
from services.platform.auth.principal import ANY, CLIENT, FACILITATOR, OPERATOR, Principal
from services.platform.auth.tokens import DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER
from services.platform.clock import Clock
from services.platform.errors import denied, unauthenticated
from services.platform.settings import AuthSettings, ClientGrant

ACTING_FOR = "acquaint-acting-for"
AUTHORIZATION = "authorization"
_REMEMBER_SECONDS = 60.0
_MOST_REMEMBERED = 20_000
_SCHEME = "bearer "
# Times are checked here against the injected clock, not by the library against the machine's.
_OPTIONS: Any = {"require": ["exp"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}

Metadata = Mapping[str, str | bytes]
Certificate = Callable[[], Mapping[str, Iterable[bytes]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    principal: Principal
    until: float


class Authenticator:
    """One per server. Raises OSError or ValueError if the file of registered clients cannot be read."""

    def __init__(self, settings: AuthSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._clients = registered_clients(settings)
        self._keys = Keys(settings, clock)
        self._remembered: dict[str, _Known] = {}

    async def authenticate(self, metadata: Metadata, certificate: Certificate) -> Principal:
        """Who calls; raises ServiceError UNAUTHENTICATED, or PERMISSION_DENIED for a person it may not act for."""
        mode = self._settings.mode
        if mode == "disabled":
            known = _ANYBODY
        elif mode == "mtls":
            known = self._of_certificate(certificate())
        else:
            known = await self._of_token(metadata)
        person = metadata.get(ACTING_FOR)
        if not person:
            return known.principal
        if not isinstance(person, str) or not known.principal.may_act_for(person):
            raise denied(error_reason_pb2.ERROR_REASON_NOT_PERMITTED, "the caller may not act for this person")
        return replace(known.principal, acting_for=person)

    async def close(self) -> None:
        """Ends what runs in the background."""
        await self._keys.close()

    def _of_certificate(self, properties: Mapping[str, Iterable[bytes]]) -> _Known:
        for key in ("x509_subject_alternative_name", "x509_common_name"):
            for value in properties.get(key, ()):
                name = value.decode("utf-8", "replace")
                if name in self._clients:
                    return _granted(name, self._clients[name], frozenset(), until=0.0)
        raise unauthenticated("the certificate names no registered client")

    async def _of_token(self, metadata: Metadata) -> _Known:
        header = metadata.get(AUTHORIZATION)
        if not isinstance(header, str) or header[: len(_SCHEME)].lower() != _SCHEME:
            raise unauthenticated("a bearer token is needed")
        token = header[len(_SCHEME) :]
        now = self._clock.now().timestamp()
        known = self._remembered.get(token)
        if known is not None and now < known.until:
            return known
        try:
            known = await self._verified(token, now)
        except jwt.PyJWTError:
            raise unauthenticated("the token does not verify") from None
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = known
        return known

    async def _verified(self, token: str, now: float) -> _Known:
        settings = self._settings
        if settings.mode == "development":
            claims = jwt.decode(
                token,
                settings.development_key.get_secret_value(),
                algorithms=["HS256"],
                audience=DEVELOPMENT_AUDIENCE,
                issuer=DEVELOPMENT_ISSUER,
                options=_OPTIONS,
            )
            return self._development(claims, self._valid_until(claims, now))
        key = await self._keys.find(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise unauthenticated("the token is signed with a key that the issuer does not publish")
        claims = jwt.decode(
            token,
            key,
            algorithms=list(settings.algorithms),
            audience=settings.audience,
            issuer=settings.issuer,
            options=_OPTIONS,
        )
        return self._issued(claims, self._valid_until(claims, now))

    def _valid_until(self, claims: Mapping[str, Any], now: float) -> float:
        expires, starts = claims["exp"], claims.get("nbf", 0)
        if not isinstance(expires, int | float) or not isinstance(starts, int | float):
            raise unauthenticated("the token's times are not numbers")
        end = expires + self._settings.leeway_seconds
        if now >= end:
            raise unauthenticated("the token has expired")
        if now < starts - self._settings.leeway_seconds:
            raise unauthenticated("the token is not valid yet")
        return min(end, now + _REMEMBER_SECONDS)

    def _development(self, claims: Mapping[str, Any], until: float) -> _Known:
        grant = ClientGrant(
            methods=frozenset({ANY}),
            sources=frozenset({ANY}),
            acting_for=frozenset(claims.get("acting_for", ())),
        )
        roles = frozenset(claims.get("roles", ()))
        client, person = str(claims.get("client", "")), claims.get("person")
        if isinstance(person, str) and person:
            return _of_person(client, person, roles - {CLIENT}, until)
        return _granted(client, grant, roles, until=until)

    def _issued(self, claims: Mapping[str, Any], until: float) -> _Known:
        settings = self._settings
        names = _texts(_claim(claims, settings.roles_claim))
        pairs = ((settings.facilitator_role, FACILITATOR), (settings.operator_role, OPERATOR))
        roles = frozenset(role for name, role in pairs if name in names)
        client, person = _claim(claims, settings.client_claim), _claim(claims, settings.person_claim)
        client = client if isinstance(client, str) else ""
        if isinstance(person, str) and person:
            return _of_person(client, person, roles, until)
        if not client:
            raise unauthenticated("the token names neither a person nor a client")
        grant = self._clients.get(client)
        if grant is None:
            # Not a registered client: it has what its roles give it, which may be nothing.
            return _Known(principal=Principal(client=client, roles=roles), until=until)
        return _granted(client, grant, roles, until=until)


def _of_person(client: str, person: str, roles: frozenset[str], until: float) -> _Known:
    return _Known(principal=Principal(client=client, person=person, roles=roles), until=until)


def _granted(client: str, grant: ClientGrant, roles: frozenset[str], *, until: float) -> _Known:
    principal = Principal(
        client=client,
        roles=roles | grant.roles | {CLIENT},
        sources=None if ANY in grant.sources else grant.sources,
        methods=grant.methods,
        people=grant.acting_for,
    )
    return _Known(principal=principal, until=until)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name; else, for names like `realm_access.roles`, the nested one."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(value.split())
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()


_ANYBODY = _Known(
    principal=Principal(
        client="anybody",
        roles=frozenset({CLIENT, FACILITATOR, OPERATOR}),
        sources=None,
        methods=frozenset({ANY}),
        unrestricted=True,
    ),
    until=0.0,
)
