"""A request becomes a message only after its length was checked, and reaches a handler only if it is valid."""

from __future__ import annotations

from collections.abc import Callable

import grpc
from acquaint.errors.v1 import error_reason_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from services.platform.errors import ServiceError, invalid_fields
from services.platform.validation import violations_of


def reader(message: Descriptor, limit: int) -> Callable[[bytes], Message]:
    """The function that reads a method's requests.

    It raises ServiceError: RESOURCE_EXHAUSTED above `limit` bytes, INVALID_ARGUMENT for what is no such message or a
    message that breaks its constraints, with the fields' paths. The text names no class of ours.
    """
    parse: Callable[[bytes], Message] = GetMessageClass(message).FromString
    # Compiles the constraints now: the first call pays nothing, and one that does not compile shows at start.
    violations_of(parse(b""))

    def read(raw: bytes) -> Message:
        if len(raw) > limit:
            raise ServiceError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                error_reason_pb2.ERROR_REASON_REQUEST_TOO_LARGE,
                f"the request has {len(raw)} bytes; this method takes {limit}",
                metadata={"limit_bytes": str(limit)},
            )
        try:
            request = parse(raw)
        except DecodeError:
            raise ServiceError(
                grpc.StatusCode.INVALID_ARGUMENT,
                error_reason_pb2.ERROR_REASON_MALFORMED_REQUEST,
                "the request is not a message that this method takes",
            ) from None
        violations = violations_of(request)
        if violations:
            raise invalid_fields(violations)
        return request

    return read
