"""Tokens of an issuer: keys, times, claims, grants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.platform.auth import Authenticator, Principal, development_token
from services.platform.errors import ServiceError
from services.platform.settings import AuthSettings, ClientGrant
from services.platform.testing import ManualClock

ISSUER, AUDIENCE = "https://login.example.org", "acquaint"
DEVELOPMENT_KEY = "a key for tests only, 32 characters or more"


class Issuer:
    """An identity provider with keys in a file."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.file = folder / "jwks.json"
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._clock = clock
        self.rotate("k1")

    def rotate(self, kid: str) -> None:
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())
        published = []
        for name, key in self.keys.items():
            described = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
            published.append({**described, "kid": name, "use": "sig", "alg": "ES256"})
        self.file.write_text(json.dumps({"keys": published}))

    def token(self, kid: str = "k1", **claims: Any) -> str:
        now = self._clock.now().timestamp()
        content = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "azp": "portal", **claims}
        present = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(present, self.keys[kid], algorithm="ES256", headers={"kid": kid})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def issuer(tmp_path: Path, clock: ManualClock) -> Issuer:
    return Issuer(tmp_path, clock)


def authenticator(issuer: Issuer, clock: ManualClock, **changed: Any) -> Authenticator:
    settings = AuthSettings(
        **{"mode": "jwt", "jwks_file": issuer.file, "issuer": ISSUER, "audience": AUDIENCE, **changed}
    )
    return Authenticator(settings, clock)


async def who(found: Authenticator, token: str, **metadata: str) -> Principal:
    sent = {"authorization": f"Bearer {token}", **{key.replace("_", "-"): value for key, value in metadata.items()}}

    def no_certificate() -> Mapping[str, list[bytes]]:
        return {}

    return await found.authenticate(sent, no_certificate)


async def refusal(found: Authenticator, token: str, **metadata: str) -> grpc.StatusCode:
    with pytest.raises(ServiceError) as caught:
        await who(found, token, **metadata)
    return caught.value.code


async def test_the_configured_claim_names_the_person(issuer: Issuer, clock: ManualClock) -> None:
    found = authenticator(issuer, clock, person_claim="https://acquaint.example/person")
    principal = await who(found, issuer.token(**{"https://acquaint.example/person": "p-1"}))
    assert (principal.person, principal.acting_person, principal.actor) == ("p-1", "p-1", "person:p-1")
    assert principal.roles == frozenset()


async def test_nested_roles_become_ours(issuer: Issuer, clock: ManualClock) -> None:
    found = authenticator(issuer, clock, roles_claim="realm_access.roles", operator_role="ops")
    principal = await who(found, issuer.token(person_id="p-1", realm_access={"roles": ["ops", "other"]}))
    assert principal.roles == {"operator"}


async def test_a_registered_client_has_its_grants_and_a_persons_token_through_it_has_none(
    issuer: Issuer, clock: ManualClock
) -> None:
    grant = ClientGrant(methods=frozenset({"*"}), sources=frozenset({"calendar"}), acting_for=frozenset({"*"}))
    found = authenticator(issuer, clock, clients={"portal": grant})
    client = await who(found, issuer.token(), acquaint_acting_for="p-9")
    assert (client.client, client.roles, client.acting_person) == ("portal", {"client"}, "p-9")
    assert client.may_write("calendar")
    assert not client.may_write("chat")
    person = await who(found, issuer.token(person_id="p-1"))
    assert person.roles == frozenset()
    assert not person.may_write("calendar")
    assert not person.may_call("acquaint.profiles.v1.ProfileService/ListProfiles")
    assert await refusal(found, issuer.token(person_id="p-1"), acquaint_acting_for="p-9") is (
        grpc.StatusCode.PERMISSION_DENIED
    )


async def test_an_unregistered_client_is_known_and_may_do_nothing(issuer: Issuer, clock: ManualClock) -> None:
    principal = await who(authenticator(issuer, clock), issuer.token())
    assert (principal.client, principal.roles, principal.methods) == ("portal", frozenset(), frozenset())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"azp": None},
        {"azp": 7},
    ],
)
async def test_wrong_or_missing_claims_are_refused(issuer: Issuer, clock: ManualClock, claims: dict[str, Any]) -> None:
    assert await refusal(authenticator(issuer, clock), issuer.token(**claims)) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_ends_on_our_clock_even_if_it_is_remembered(issuer: Issuer, clock: ManualClock) -> None:
    found, token = authenticator(issuer, clock, leeway_seconds=10), issuer.token()
    await who(found, token)
    clock.advance(605)
    await who(found, token)
    clock.advance(6)
    assert await refusal(found, token) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_from_the_future_is_refused_until_its_time(issuer: Issuer, clock: ManualClock) -> None:
    found = authenticator(issuer, clock, leeway_seconds=0)
    token = issuer.token(nbf=clock.now().timestamp() + 60)
    assert await refusal(found, token) is grpc.StatusCode.UNAUTHENTICATED
    clock.advance(61)
    await who(found, token)


async def test_a_new_key_of_the_issuer_is_found_without_a_restart(issuer: Issuer, clock: ManualClock) -> None:
    found = authenticator(issuer, clock)
    await who(found, issuer.token())
    issuer.rotate("k2")
    assert await refusal(found, issuer.token("k2")) is grpc.StatusCode.UNAUTHENTICATED
    clock.advance(6)  # the set is not fetched more often than that, however many unknown keys are tried
    await who(found, issuer.token("k2"))


async def test_keys_that_cannot_be_renewed_go_on_being_used(issuer: Issuer, clock: ManualClock) -> None:
    found = authenticator(issuer, clock, jwks_refresh_seconds=100)
    issuer.file.unlink()
    clock.advance(200)
    await who(found, issuer.token())
    await found.close()


async def test_a_key_set_that_was_never_reached_makes_calls_unavailable_not_forbidden(
    issuer: Issuer, clock: ManualClock
) -> None:
    found = authenticator(issuer, clock, jwks_file=None, jwks_url="http://127.0.0.1:9/jwks")
    assert await refusal(found, issuer.token()) is grpc.StatusCode.UNAVAILABLE


async def test_keys_are_fetched_from_the_issuers_address(issuer: Issuer, clock: ManualClock) -> None:
    class Published(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(issuer.file.read_bytes())

        def log_message(self, format: str, *arguments: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Published) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{http.server_port}/jwks"
            found = authenticator(issuer, clock, jwks_file=None, jwks_url=url)
            assert (await who(found, issuer.token(person_id="p-1"))).person == "p-1"
            issuer.rotate("k2")
            clock.advance(6)
            assert (await who(found, issuer.token("k2", person_id="p-2"))).person == "p-2"
        finally:
            http.shutdown()
            thread.join()


async def test_one_key_in_a_file_serves_any_key_id(issuer: Issuer, clock: ManualClock, tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        issuer.keys["k1"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    found = authenticator(issuer, clock, jwks_file=None, public_key_file=pem)
    assert (await who(found, issuer.token())).client == "portal"


async def test_a_token_that_signs_itself_with_nothing_or_a_shared_secret_is_refused(
    issuer: Issuer, clock: ManualClock
) -> None:
    found = authenticator(issuer, clock)
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": clock.now().timestamp() + 60, "azp": "portal"}
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": "k1"})
    shared = jwt.encode(claims, "k" * 40, algorithm="HS256", headers={"kid": "k1"})
    for token in (unsigned, shared):
        assert await refusal(found, token) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_development_token_is_worth_nothing_under_another_key_or_mode(
    issuer: Issuer, clock: ManualClock
) -> None:
    token = development_token(DEVELOPMENT_KEY, clock=clock)
    same = Authenticator(AuthSettings(mode="development", development_key=DEVELOPMENT_KEY), clock)
    other = Authenticator(AuthSettings(mode="development", development_key=DEVELOPMENT_KEY[::-1]), clock)
    assert (await who(same, token)).client == "acquaint-cli"
    assert await refusal(other, token) is grpc.StatusCode.UNAUTHENTICATED
    assert await refusal(authenticator(issuer, clock), token) is grpc.StatusCode.UNAUTHENTICATED


def test_clients_from_a_file_are_added_and_a_name_may_not_stand_twice(
    issuer: Issuer, clock: ManualClock, tmp_path: Path
) -> None:
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"hr": {"methods": ["*"], "sources": ["hr"]}}))
    authenticator(issuer, clock, clients_file=file)
    with pytest.raises(ValueError, match="hr"):
        authenticator(issuer, clock, clients_file=file, clients={"hr": ClientGrant()})
