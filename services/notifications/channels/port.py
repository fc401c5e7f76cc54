"""What every channel promises: a send is tried once, ends in one of three outcomes, and never raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from services.notifications.domain import Person
from services.notifications.templates import Rendered


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The provider could not take it now; try again. `cause` is for the log, without the recipient's address."""

    cause: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take it. `cause` is for the log, without the recipient's address."""

    cause: str


Outcome = Accepted | Unavailable | Refused


class ChannelPort(Protocol):
    """One way to a person."""

    async def send(self, notification_id: str, recipient: Person, rendered: Rendered) -> Outcome:
        """Try once. The same `notification_id` again is the same message to the provider, as far as it can tell."""
        ...
