"""Verify waits for messages that are still on their way, and names those that never arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from acquaint.notifications.v1 import inbox_service_pb2, notification_pb2
from acquaint.recommendations.v1 import introduction_service_pb2

from services.cli.verify.command import messages


@dataclass(slots=True)
class Services:
    """Recommendations that issued one message, and notifications that hear of it after so many looks."""

    looks_before: int
    looks: int = 0
    introductions: Any = field(init=False)
    inbox: Any = field(init=False)

    def __post_init__(self) -> None:
        self.introductions = self.inbox = self

    async def StreamIssuedMessages(self, request: object, timeout: float) -> AsyncIterator[Any]:
        message = introduction_service_pb2.MessageReference(message_id="m1", introduction_id="i1", recipient_id="ada")
        yield introduction_service_pb2.StreamIssuedMessagesResponse(messages=[message])

    async def CheckDeliveries(self, request: object, timeout: float) -> inbox_service_pb2.CheckDeliveriesResponse:
        self.looks += 1
        delivery = inbox_service_pb2.Delivery(message_id="m1")
        if self.looks > self.looks_before:
            sent = notification_pb2.NOTIFICATION_STATUS_SENT
            delivery.notifications.add(notification_id="n1", recipient_id="ada", status=sent)
        return inbox_service_pb2.CheckDeliveriesResponse(deliveries=[delivery])


async def test_a_message_that_is_on_its_way_is_waited_for() -> None:
    services: Any = Services(looks_before=2)
    assert await messages(services, 30.0) == ([], {"messages": 1, "notifications": 1})


async def test_a_message_that_never_arrives_is_a_difference() -> None:
    services: Any = Services(looks_before=100)
    found, counts = await messages(services, 0.0)
    assert [(each.what, each.found) for each in found] == [("message m1", "has no notification")]
    assert counts == {"messages": 1, "notifications": 0}
