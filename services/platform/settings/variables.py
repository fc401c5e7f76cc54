"""The table of variables a settings class understands, and error texts that name them (never a secret's value)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import PydanticUndefined
from pydantic_settings import SettingsError

PREFIX = "ACQUAINT_"
_SHOWN = (str, int, float, bool)


class SettingsInvalid(Exception):
    """The settings are wrong; the text has one line for each problem and begins it with the variable's name."""

    def __init__(self, wrong: Sequence[str]) -> None:
        self.problems = tuple(wrong)
        super().__init__("\n".join(["these settings are wrong:", *(f"  {line}" for line in wrong)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One setting: its variable, what it is for, its default as text (None: it has none), whether it is secret."""

    name: str
    description: str
    default: str | None
    secret: bool


def variables(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[Variable]:
    """Every variable of a settings class, groups resolved into their fields."""
    for name, field in model.model_fields.items():
        full = prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, full + "__")
            continue
        value = field.get_default(call_default_factory=True)
        yield Variable(
            name=full,
            description=field.description or "",
            default=None if value is PydanticUndefined else str(value),
            secret=not field.repr or field.annotation is SecretStr,
        )


def problems(model: type[BaseModel], error: ValidationError) -> list[str]:
    """One line for each thing that pydantic found wrong."""
    secrets = {variable.name for variable in variables(model) if variable.secret}
    return [
        _problem(_with_full_names(model, detail["loc"], detail["msg"]), detail["loc"], detail["input"], secrets)
        for detail in error.errors()
    ]


def _with_full_names(model: type[BaseModel], location: tuple[int | str, ...], message: str) -> str:
    """A check of a whole group speaks of its fields; what the operator sees are variables."""
    group = model.model_fields[str(location[0])].annotation if len(location) == 1 else None
    if not (isinstance(group, type) and issubclass(group, BaseModel)):
        return message
    fields = "|".join(sorted(group.model_fields, key=len, reverse=True))
    prefix = f"{PREFIX}{str(location[0]).upper()}__"
    return re.sub(rf"\b({fields})\b", lambda found: prefix + found[0].upper(), message)


def _problem(message: str, location: tuple[int | str, ...], value: Any, secrets: set[str]) -> str:
    text = message.removeprefix("Value error, ")
    if not text.startswith(PREFIX):
        text = text[:1].lower() + text[1:]
    if not location:
        return text if PREFIX in text else f"{PREFIX}*: {text}"
    name = PREFIX + "__".join(str(part).upper() for part in location)
    shown = f" (got {value!r})" if isinstance(value, _SHOWN) and not any(name.startswith(s) for s in secrets) else ""
    if "extra inputs are not permitted" in text:
        return f"{name}: there is no such setting"
    return f"{name}: {text}{shown}"


def misspelt(model: type[BaseModel], environment: Mapping[str, str]) -> list[str]:
    """Variables that nobody reads but that can only be meant for one of ours.

    Other unknown ones are left alone: services share an environment, and Kubernetes adds variables of its own. An
    unknown field of a known group is refused by the group itself.
    """
    names = [variable.name for variable in variables(model)]
    groups = {PREFIX + name.upper() for name in model.model_fields}
    found = []
    for name in environment:
        upper = name.upper()
        if upper.startswith(PREFIX) and upper.partition("__")[0] not in groups:
            meant = _meant(upper, names, groups)
            found += [f"{name}: there is no such setting; {meant} is meant?"] if meant else []
    return found


def _meant(name: str, names: Sequence[str], groups: Iterable[str]) -> str | None:
    """The one of ours that a name is short of an underscore or a letter of."""
    by_letters = {known.replace("__", "_"): known for known in names}
    if name.replace("__", "_") in by_letters:
        return by_letters[name.replace("__", "_")]
    group, separator, field = name.partition("__")
    for close in difflib.get_close_matches(group, groups, cutoff=0.9):
        if close + separator + field in names:
            return close + separator + field
    return None


def unreadable(error: SettingsError) -> str:
    """The line for a variable whose value could not even be read as JSON; pydantic-settings names its field."""
    field = str(error).split('field "')[-1].split('"')[0]
    return f"{PREFIX}{field.upper()}: cannot be read; a value for a whole group or list must be JSON"
