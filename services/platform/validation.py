"""The constraints that protos declare, checked on one message: for requests, items of batches, and records alike."""

from __future__ import annotations

import protovalidate
from google.protobuf.message import Message
from protovalidate import FieldPathPb

from services.platform.errors import Violation

_MOST = 20


def violations_of(message: Message) -> list[Violation]:
    """What the message breaks, the first twenty, with paths such as `interactions[3].time`; empty if it is valid."""
    return [
        Violation(field=_path(found.proto.field), description=found.proto.message or found.proto.rule_id)
        for found in protovalidate.collect_violations(message)[:_MOST]
    ]


def _path(field: FieldPathPb | None) -> str:
    if field is None:
        return ""
    parts = []
    for element in field.elements:
        subscript = "" if element.subscript is None else f"[{_quoted(element.subscript.value)}]"
        parts.append(f"{element.field_name}{subscript}")
    return ".".join(parts)


def _quoted(subscript: object) -> str:
    return f'"{subscript}"' if isinstance(subscript, str) else str(subscript)
