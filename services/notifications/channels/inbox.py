"""The inbox: marking the notification as sent is the delivery, so nothing can fail here that the store survives."""

from __future__ import annotations

from services.notifications.channels.port import Accepted, Outcome
from services.notifications.domain import Person
from services.notifications.templates import Rendered


class InboxChannel:
    """Accepts everything: the inbox lists what is marked as sent."""

    async def send(self, notification_id: str, recipient: Person, rendered: Rendered) -> Outcome:
        """Accept at once."""
        return Accepted()
