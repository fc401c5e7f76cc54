"""Who is let in at a real server: deny by default, each audience, acting for somebody, certificates, peers."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from acquaint.errors.v1 import error_reason_pb2 as reasons
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.platform.auth import peer_token
from services.platform.clock import SystemClock
from services.platform.rpc import acting_for, connect, current_call
from services.platform.settings import AuthSettings, ClientGrant, PeerSettings, RpcSettings, ServiceSettings
from tests.integration.platform.rpc_echo import KEY, Request, Stub, client_token, echo_client, echo_server
from tests.integration.platform.test_rpc_server import refused

DENIED = (grpc.StatusCode.PERMISSION_DENIED, reasons.ERROR_REASON_NOT_PERMITTED)
UNKNOWN = (grpc.StatusCode.UNAUTHENTICATED, reasons.ERROR_REASON_UNAUTHENTICATED)


async def cause(call: Any) -> tuple[grpc.StatusCode, int]:
    error = await refused(call)
    return error.code, error.reason


async def test_a_method_without_a_declared_policy_is_refused_to_everybody() -> None:
    async with echo_server() as (server, echo):
        for roles in (["client"], ["client", "operator", "facilitator"]):
            async with echo_client(server, client_token(roles=roles, acting_for="*")) as stub:
                assert await cause(stub.Undeclared(Request())) == DENIED
    assert echo.handled == []


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_a_call_without_a_token_that_verifies_is_unauthenticated(token: str) -> None:
    async with echo_server() as (server, _), echo_client(server, lambda: token) as stub:
        assert await cause(stub.Send(Request())) == UNKNOWN


async def test_a_person_reaches_their_own_data_and_nobody_elses() -> None:
    async with echo_server() as (server, _), echo_client(server, client_token(person="p-1")) as stub:
        assert (await stub.GetOwn(Request(person_id="p-1", text="mine"))).text == "mine"
        assert await cause(stub.GetOwn(Request(person_id="p-2"))) == DENIED
        assert await cause(stub.GetOwn(Request())) == DENIED
        assert await cause(stub.Send(Request())) == DENIED


async def test_a_client_acts_for_the_people_it_is_granted_and_nobody_else() -> None:
    async with echo_server() as (server, echo):
        actors: list[str] = []

        async def notes(_: Any) -> None:
            actors.append(current_call().principal.actor)

        echo.behaviour = notes
        async with echo_client(server, client_token(client="door", acting_for="p-1")) as stub:
            await stub.GetOwn(Request(person_id="p-1"), metadata=acting_for("p-1"))
            assert await cause(stub.GetOwn(Request(person_id="p-2"), metadata=acting_for("p-1"))) == DENIED
            assert await cause(stub.GetOwn(Request(person_id="p-2"), metadata=acting_for("p-2"))) == DENIED
            assert await cause(stub.GetOwn(Request(person_id="p-1"))) == DENIED
        async with echo_client(server, client_token(client="feed")) as stub:
            assert await cause(stub.GetOwn(Request(person_id="p-1"), metadata=acting_for("p-1"))) == DENIED
        async with echo_client(server, client_token(person="p-1")) as stub:
            assert await cause(stub.GetOwn(Request(person_id="p-2"), metadata=acting_for("p-2"))) == DENIED
    assert actors == ["client:door for person:p-1"]


async def test_each_role_opens_its_own_methods_only() -> None:
    async with echo_server() as (server, _):
        async with echo_client(server, client_token(person="p-1", roles=["operator"])) as stub:
            await stub.Operate(Request())
            assert await cause(stub.Guide(Request())) == DENIED
        async with echo_client(server, client_token(person="p-1", roles=["facilitator"])) as stub:
            await stub.Guide(Request())
            assert await cause(stub.Operate(Request())) == DENIED


async def test_streams_are_protected_like_any_method() -> None:
    async with echo_server() as (server, echo):
        async with echo_client(server, client_token(person="p-1")) as stub:
            assert await cause(stub.Watch(Request()).read()) == DENIED
        async with echo_client(server, lambda: "") as stub:
            assert await cause(stub.Watch(Request()).read()) == UNKNOWN
    assert echo.handled == []


async def test_without_authentication_said_in_so_many_words_anybody_is_let_in() -> None:
    async with echo_server(auth=AuthSettings(mode="disabled")) as (server, echo):
        people: list[str | None] = []

        async def notes(_: Any) -> None:
            people.append(current_call().principal.acting_person)

        echo.behaviour = notes
        async with echo_client(server, lambda: "") as stub:
            await stub.GetOwn(Request(person_id="p-3"))
            await stub.Send(Request())
    assert people == ["p-3", None]


async def test_a_service_reaches_its_peers_with_its_own_development_token() -> None:
    settings = ServiceSettings(
        environment="development", auth=AuthSettings(mode="development", development_key=KEY), rpc=RpcSettings()
    )
    async with echo_server() as (server, _):
        target = f"127.0.0.1:{server.port}"
        async with connect(target, settings, token=peer_token(settings, SystemClock())) as channel:
            await Stub(channel).GetOwn(Request(person_id="p-1"), metadata=acting_for("p-1"))


class Authority:
    """Signs certificates for one test, into files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        self.file = self._written("authority", self._signed(self._name, self._key.public_key(), authority=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key files for a name that is also its address on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self._written(name, self._signed(subject, key.public_key())), self._written(f"{name}-key", secret)

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool = False) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _written(self, name: str, content: bytes) -> Path:
        path = self._folder / f"{name}.pem"
        path.write_bytes(content)
        return path


async def test_a_client_is_known_by_its_certificate_and_has_what_it_is_granted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    granted = ClientGrant(methods=frozenset({"acquaint.echo.v1.EchoService/Send"}), sources=frozenset({"hr"}))
    auth = AuthSettings(mode="mtls", clients={"hr-feed": granted})
    rpc = RpcSettings(certificate_file=certificate, key_file=key, client_ca_file=authority.file)

    async def call(server_port: int, name: str, method: str) -> Any:
        own, own_key = authority.issue(name)
        peers = PeerSettings(ca_file=authority.file, certificate_file=own, key_file=own_key)
        async with connect(f"localhost:{server_port}", peers) as channel:
            return await getattr(Stub(channel), method)(Request(text="hello"))

    async with echo_server(rpc, auth) as (server, echo):
        sources: list[bool] = []

        async def notes(_: Any) -> None:
            principal = current_call().principal
            sources.extend([principal.may_write("hr"), principal.may_write("chat")])

        echo.behaviour = notes
        assert (await call(server.port, "hr-feed", "Send")).text == "hello"
        assert sources == [True, False]
        assert await cause(call(server.port, "hr-feed", "Operate")) == DENIED
        assert await cause(call(server.port, "stranger", "Send")) == UNKNOWN
        async with grpc.aio.insecure_channel(f"localhost:{server.port}") as plain:
            send = plain.unary_unary("/acquaint.echo.v1.EchoService/Send", Request.SerializeToString)
            assert (await cause(send(Request(), timeout=5)))[0] is grpc.StatusCode.UNAVAILABLE
