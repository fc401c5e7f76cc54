"""What notifications asks of the other services, behind a port that knows no gRPC on the other side."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from acquaint.recommendations.v1 import introduction_service_pb2 as pb
from acquaint.recommendations.v1.introduction_service_pb2_grpc import IntroductionServiceStub

from services.notifications.domain import Message
from services.platform.telemetry import get_logger

log = get_logger(__name__)


class Recommendations:
    """Asks recommendations whether messages are still wanted."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stub = IntroductionServiceStub(channel)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def ask(self, messages: Sequence[Message]) -> Sequence[bool] | None:
        """One answer a message, in order; None when recommendations did not answer."""
        request = pb.CheckInvitationsRequest(
            messages=[
                pb.MessageReference(
                    message_id=message.event_id,
                    introduction_id=message.introduction_id,
                    recipient_id=message.recipient_id,
                )
                for message in messages
            ]
        )
        try:
            response = await self._stub.CheckInvitations(request)
        except grpc.aio.AioRpcError as error:
            log.warning("still_wanted_unanswered", code=error.code().name)
            return None
        if len(response.wanted) != len(messages):
            log.error("still_wanted_miscounted", asked=len(messages), answered=len(response.wanted))
            return None
        return list(response.wanted)
