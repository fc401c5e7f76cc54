"""Arbitrary profiles: every field of the message may be set, whatever fields it comes to have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from acquaint.options.v1 import options_pb2
from acquaint.profiles.v1.profile_pb2 import Profile, VisibilityChoice
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from services.profiles.people.views import FIELDS
from services.profiles.store import Person

WHEN = datetime(2026, 3, 2, tzinfo=UTC)
FILLED_BY_HAND = {"field_visibilities", "leaving_announced"}


def filled(message: Message, marker: str, *, only: frozenset[str] | None = None) -> Message:
    """Sets every field (or those of `only`) to something that holds `marker` or a number, at every depth."""
    for field in message.DESCRIPTOR.fields:
        if only is not None and field.name not in only:
            continue
        if field.is_repeated:
            getattr(message, field.name).append(_value(field, f"{marker}{field.name}"))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            getattr(message, field.name).CopyFrom(_value(field, f"{marker}{field.name}"))
        else:
            setattr(message, field.name, _value(field, f"{marker}{field.name}"))
    return message


def _value(field: FieldDescriptor, text: str) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return text
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        assert isinstance(field.message_type, Descriptor)
        return filled(GetMessageClass(field.message_type)(), text + ".")
    return True if field.type == FieldDescriptor.TYPE_BOOL else 1


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """A profile with any set of fields, and any choices of visibility, allowed or not."""
    names = draw(st.frozensets(st.sampled_from(sorted(FIELDS - FILLED_BY_HAND))))
    profile = Profile()
    filled(profile, "marker:", only=names)
    profile.leaving_announced = draw(st.booleans())
    for field in draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True)):
        visibility = draw(st.sampled_from([1, 2, 3]))
        profile.field_visibilities.append(
            VisibilityChoice(field=field, visibility=options_pb2.FieldVisibility.ValueType(visibility))
        )
    return profile


def stored(profile: Profile) -> Person:
    """A person with this profile and three different versions."""
    return Person(
        person_id="p1",
        profile=profile,
        version=9,
        public_version=3,
        private_version=4,
        created=WHEN,
        updated=WHEN,
    )
