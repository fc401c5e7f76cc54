"""The policies that the services' protos declare can be enforced, and nothing is admitted that is not declared."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import acquaint
import pytest
from acquaint.options.v1 import options_pb2
from google.protobuf import descriptor_pb2, descriptor_pool

from services.platform.auth import Policy, Principal, policy_of
from services.platform.errors import ServiceError

ANYBODY = Principal(
    client="c", person="p-1", roles=frozenset({"client", "facilitator", "operator"}), methods=frozenset({"*"})
)


def all_methods() -> list[Any]:
    modules = pkgutil.walk_packages(acquaint.__path__, "acquaint.")
    found = []
    for module in modules:
        if module.name.endswith("_service_pb2"):
            file = importlib.import_module(module.name).DESCRIPTOR
            found += [method for service in file.services_by_name.values() for method in service.methods]
    return found


@pytest.mark.parametrize("method", all_methods(), ids=lambda method: method.full_name)
def test_every_method_declares_a_policy_that_can_be_enforced(method: Any) -> None:
    policy = policy_of(method)
    assert policy.system or policy.roles or policy.person_path


def test_a_policy_that_declares_nobody_refuses_everybody() -> None:
    with pytest.raises(ServiceError):
        Policy(method="a.B/C").admit(ANYBODY)


def test_a_client_needs_the_grant_of_the_method_by_name_by_service_or_for_all() -> None:
    policy = Policy(method="a.v1.B/Get", system=True)
    for granted in ("a.v1.B/Get", "a.v1.B/*", "*"):
        client = Principal(client="c", roles=frozenset({"client"}), methods=frozenset({granted}))
        assert policy.admit(client)
    for granted in ("a.v1.B/List", "a.v1.Bee/*", "a.v1.*", ""):
        client = Principal(client="c", roles=frozenset({"client"}), methods=frozenset({granted}))
        with pytest.raises(ServiceError):
            policy.admit(client)


def described(field: str, declared: str) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{field}-{declared}.proto", package=f"x{field}", syntax="proto3")
    file.dependency.append("acquaint/options/v1/options.proto")
    inner = file.message_type.add(name="Inner")
    inner.field.add(name="person", number=1, type=9, label=1)
    outer = file.message_type.add(name="Outer")
    outer.field.add(name=field, number=1, type=11, label=1, type_name=f".x{field}.Inner")
    method = file.service.add(name="S").method.add(
        name="M", input_type=f".x{field}.Outer", output_type=f".x{field}.Outer"
    )
    method.options.Extensions[options_pb2.method].CopyFrom(
        options_pb2.MethodPolicy(audience=[options_pb2.AUDIENCE_SELF], person_field=declared)
    )
    pool = descriptor_pool.Default()
    pool.Add(file)
    return pool.FindServiceByName(f"x{field}.S").methods[0]


def test_the_person_may_stand_inside_another_field() -> None:
    assert policy_of(described("owner", "owner.person")).person_path == ("owner", "person")


def test_a_method_for_the_person_whose_request_names_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="person_id"):
        policy_of(described("other", ""))
    with pytest.raises(ValueError, match="holder"):
        policy_of(described("holder", "holder"))
