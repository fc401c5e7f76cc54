"""The policy a method declares in its proto, enforced in two steps: before the request is read and after.

A registered client is admitted by the audience `system` if its grant names the method, and by `self` if it may also
act for the person; a person's own token by `self`; the roles by theirs. One match is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acquaint.errors.v1 import error_reason_pb2
from acquaint.options.v1 import options_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from services.platform.auth.principal import CLIENT, FACILITATOR, OPERATOR, Principal
from services.platform.errors import ServiceError, denied

DEFAULT_REQUEST_BYTES = 256 * 1024
_NOT_ADMITTED = "the caller is not admitted to this method"
_NOT_THIS_PERSON = "the caller is not admitted to this person's data"


def _refused(message: str) -> ServiceError:
    return denied(error_reason_pb2.ERROR_REASON_NOT_PERMITTED, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one method admits. Without a declaration: nobody."""

    method: str
    system: bool = False
    roles: frozenset[str] = frozenset()
    person_path: tuple[str, ...] = ()
    request_bytes: int = DEFAULT_REQUEST_BYTES

    def admit(self, principal: Principal) -> bool:
        """True: admitted whatever the request says. False: `admit_person` decides. Raises ServiceError: refused."""
        if principal.unrestricted or self.roles & principal.roles:
            return True
        granted = CLIENT in principal.roles and principal.may_call(self.method)
        if granted and self.system:
            return True
        if self.person_path and (principal.person or (granted and principal.acting_for)):
            return False
        raise _refused(_NOT_ADMITTED)

    def person_of(self, request: Any) -> str | None:
        """The person the request is about, where the policy says which field holds it."""
        for name in self.person_path:
            request = getattr(request, name)
        return request if isinstance(request, str) else None

    def admit_person(self, principal: Principal, request: Any) -> None:
        """Refuses a request that is about anybody but the acting person."""
        person = self.person_of(request)
        if not person or person != principal.acting_person:
            raise _refused(_NOT_THIS_PERSON)


def policy_of(method: MethodDescriptor) -> Policy:
    """The policy a method declares.

    Raises ValueError where the declaration cannot be enforced: a method for `self` without a text field for the person.
    """
    name = f"{method.containing_service.full_name}/{method.name}"
    options = method.GetOptions()
    if not options.HasExtension(options_pb2.method):
        return Policy(method=name)
    declared = options.Extensions[options_pb2.method]
    audience = set(declared.audience)
    path: tuple[str, ...] = ()
    if options_pb2.AUDIENCE_SELF in audience:
        path = tuple((declared.person_field or "person_id").split("."))
        _check_path(name, method.input_type, path)
    roles = {options_pb2.AUDIENCE_FACILITATOR: FACILITATOR, options_pb2.AUDIENCE_OPERATOR: OPERATOR}
    return Policy(
        method=name,
        system=options_pb2.AUDIENCE_SYSTEM in audience,
        roles=frozenset(role for value, role in roles.items() if value in audience),
        person_path=path,
        request_bytes=declared.max_request_bytes or DEFAULT_REQUEST_BYTES,
    )


def _check_path(name: str, message: Descriptor, path: tuple[str, ...]) -> None:
    for position, part in enumerate(path):
        field = message.fields_by_name.get(part)
        last = position == len(path) - 1
        wanted = FieldDescriptor.TYPE_STRING if last else FieldDescriptor.TYPE_MESSAGE
        if field is None or field.is_repeated or field.type != wanted:
            raise ValueError(f"{name} is for the person in {'.'.join(path)!r}, which its request does not hold as text")
        if field.message_type is not None:
            message = field.message_type
