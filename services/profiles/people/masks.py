"""Field masks: which fields of a profile a request names, and how exactly these are carried over, nothing else.

A path that is named but not set clears the field; a nested path changes only its own part of the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any

from acquaint.profiles.v1.profile_pb2 import Profile
from google.protobuf.descriptor import Descriptor, FieldDescriptor

Path = tuple[str, ...]


_PATHS: Mapping[str, Path] = {field.name: (field.name,) for field in Profile.DESCRIPTOR.fields}


class Shape(Enum):
    """How a field is carried over. Asked of the descriptor once: a thousand people are merged in one call."""

    REPEATED = "repeated"
    MESSAGE = "message"
    OPTIONAL = "optional"  # a value that may be absent
    PLAIN = "plain"


def named_in(profile: Profile) -> list[Path]:
    """The paths of the fields that are set, for a request without a mask."""
    return [_PATHS[field.name] for field, _ in profile.ListFields()]


def parse(paths: Iterable[str]) -> list[Path]:
    """The paths of a mask, as tuples of field names; whether they exist is told by `problem_with`."""
    return list(dict.fromkeys(tuple(path.split(".")) for path in paths))


def problem_with(path: Path) -> str | None:
    """Why a path names no field of a profile; None if it does."""
    message: Descriptor | None = Profile.DESCRIPTOR
    for place, name in enumerate(path):
        field = None if message is None else message.fields_by_name.get(name)
        if field is None:
            return f"there is no field {'.'.join(path[: place + 1])!r} in a profile"
        if place == len(path) - 1:
            return None
        if field.is_repeated or field.type != FieldDescriptor.TYPE_MESSAGE:
            return f"{'.'.join(path[: place + 1])!r} has no fields of its own that a mask could name"
        message = field.message_type
    return "the path is empty"


def assign(target: Profile, source: Profile, path: Path) -> None:
    """Makes the field at `path` of `target` what it is in `source`."""
    into: Any = target
    origin: Any = source
    for name in path[:-1]:
        if not origin.HasField(name) and not into.HasField(name):
            return
        into, origin = getattr(into, name), getattr(origin, name)
    name = path[-1]
    shape = _shapes(into.DESCRIPTOR)[name]
    if shape is Shape.REPEATED:
        into.ClearField(name)
        getattr(into, name).MergeFrom(getattr(origin, name))
    elif shape is Shape.PLAIN or origin.HasField(name):
        if shape is Shape.MESSAGE:
            getattr(into, name).CopyFrom(getattr(origin, name))
        else:
            setattr(into, name, getattr(origin, name))
    else:
        into.ClearField(name)


@cache
def _shapes(message: Descriptor) -> Mapping[str, Shape]:
    return {field.name: _shape(field) for field in message.fields}


def _shape(field: FieldDescriptor) -> Shape:
    if field.is_repeated:
        return Shape.REPEATED
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return Shape.MESSAGE
    return Shape.OPTIONAL if field.has_presence else Shape.PLAIN
