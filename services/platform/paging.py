"""Page tokens: opaque to the caller and bound to the query they belong to; no page is silently of another list.

A token holds a position and a checksum over position and query. It is no secret and grants nothing: every page is
asked for under the same policy as the first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from acquaint.errors.v1 import error_reason_pb2
from google.protobuf.message import Message

from services.platform.errors import ServiceError, invalid

_CHECKSUM = 12


def encode(request: Message, *position: str | int) -> str:
    """The token of the page that begins after `position`, for a repetition of `request` with any page size."""
    body = json.dumps(position, ensure_ascii=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(request, body) + body).decode().rstrip("=")


def decode(request: Message) -> tuple[str | int, ...] | None:
    """The position in `request.page_token`, None for the first page.

    Raises ServiceError INVALID_ARGUMENT (PAGE_TOKEN_INVALID) for a damaged token or one of another query.
    """
    token: str = getattr(request, "page_token")  # noqa: B009 - the field is the caller's promise, not Message's
    if not token:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refused() from None
    checksum, body = raw[:_CHECKSUM], raw[_CHECKSUM:]
    if checksum != _checksum(request, body):
        raise _refused()
    return tuple(json.loads(body))


def size(request: Message, default: int = 100, maximum: int = 1000) -> int:
    """How many entries the page of `request` may have."""
    asked: int = getattr(request, "page_size")  # noqa: B009 - as above
    return min(asked or default, maximum)


def _checksum(request: Message, body: bytes) -> bytes:
    query = type(request)()
    query.CopyFrom(request)
    query.ClearField("page_size")
    query.ClearField("page_token")
    name = request.DESCRIPTOR.full_name.encode()
    parts = (name, query.SerializeToString(deterministic=True), body)
    digest = hashlib.blake2b(digest_size=_CHECKSUM)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


def _refused() -> ServiceError:
    return invalid(
        "page_token",
        "belongs to another query or is damaged; start at the first page",
        error_reason_pb2.ERROR_REASON_PAGE_TOKEN_INVALID,
    )
