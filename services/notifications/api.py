"""The inbox by gRPC: proto ⇄ domain, nothing else. Words are made when read, so an erasure reaches old messages too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import grpc
from acquaint.notifications.v1 import inbox_service_pb2 as pb
from acquaint.notifications.v1 import notification_pb2
from acquaint.notifications.v1.inbox_service_pb2_grpc import InboxServiceServicer
from acquaint.operations.v1.operations_service_pb2 import ShardStatus

from services.notifications.domain import MessageType, Notification, Person, Status
from services.notifications.store import Entry, InboxStore, PeopleStore
from services.notifications.templates import Renderer
from services.platform import paging
from services.platform.clock import Clock

WATCH_POLL_SECONDS = 0.5
WATCH_BATCH = 100


def to_proto(notification: Notification, now: datetime, *, own: bool = True) -> notification_pb2.Notification:
    """The wire form without words. Others than the recipient do not see whether it was read or answered."""
    message = notification.message
    suppression = notification.suppression
    proto = notification_pb2.Notification(
        notification_id=notification.notification_id,
        recipient_id=message.recipient_id,
        channel=notification_pb2.Channel.Value(f"CHANNEL_{notification.channel.name}"),
        type=notification_pb2.NotificationType.Value(f"NOTIFICATION_TYPE_{message.type.name}"),
        status=notification_pb2.NotificationStatus.Value(f"NOTIFICATION_STATUS_{notification.status.name}"),
        suppression=notification_pb2.Suppression.Value(
            f"SUPPRESSION_{suppression.name if suppression else 'UNSPECIFIED'}"
        ),
        introduction_id=message.introduction_id,
        open=own and answerable(notification, now),
    )
    for field, value in (
        (proto.create_time, notification.create_time),
        (proto.due_time, notification.due_time),
        (proto.sent_time, notification.sent_time),
        (proto.read_time, notification.read_time if own else None),
        (proto.expire_time, message.expire_time),
    ):
        if value is not None:
            field.FromDatetime(value)
    return proto


def answerable(notification: Notification, now: datetime) -> bool:
    """Whether the question that the notification asks can still be answered."""
    expiry = notification.message.expire_time
    question = notification.message.type is MessageType.INVITATION
    return question and notification.open and (expiry is None or now < expiry)


class InboxService(InboxServiceServicer):
    """A person's inbox, and what verification asks of this service."""

    def __init__(
        self,
        inbox: InboxStore,
        people: PeopleStore,
        renderer: Renderer,
        shards: Callable[[], Awaitable[Sequence[ShardStatus]]],
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._people = people
        self._renderer = renderer
        self._shards = shards
        self._clock = clock

    async def ListNotifications(
        self,
        request: pb.ListNotificationsRequest,
        context: grpc.aio.ServicerContext[pb.ListNotificationsRequest, pb.ListNotificationsResponse],
    ) -> pb.ListNotificationsResponse:
        """One page, newest first."""
        position = paging.decode(request)
        size = paging.size(request)
        entries = await self._inbox.page(
            request.person_id,
            before=int(position[0]) if position else None,
            unread_only=request.unread_only,
            limit=size + 1,
        )
        page = entries[:size]
        token = paging.encode(request, page[-1].position) if len(entries) > size else ""
        return pb.ListNotificationsResponse(notifications=await self._worded(page), next_page_token=token)

    async def WatchNotifications(
        self,
        request: pb.WatchNotificationsRequest,
        context: grpc.aio.ServicerContext[pb.WatchNotificationsRequest, pb.WatchNotificationsResponse],
    ) -> AsyncIterator[pb.WatchNotificationsResponse]:
        """What comes in or changes after the cursor, until the caller leaves or its deadline passes."""
        bound = pb.ListNotificationsRequest(person_id=request.person_id, page_token=request.cursor)
        position = paging.decode(bound)
        last = int(position[0]) if position else await self._inbox.latest_change(request.person_id)
        while True:
            entries = await self._inbox.changes(request.person_id, after=last, limit=WATCH_BATCH)
            for entry, notification in zip(entries, await self._worded(entries), strict=True):
                last = entry.change
                yield pb.WatchNotificationsResponse(notification=notification, cursor=paging.encode(bound, last))
            if len(entries) < WATCH_BATCH:
                await self._clock.sleep(WATCH_POLL_SECONDS)

    async def MarkNotificationsRead(
        self,
        request: pb.MarkNotificationsReadRequest,
        context: grpc.aio.ServicerContext[pb.MarkNotificationsReadRequest, pb.MarkNotificationsReadResponse],
    ) -> pb.MarkNotificationsReadResponse:
        """Mark as read; ids of other people's notifications, or of none, change nothing."""
        ids = list(dict.fromkeys(request.notification_ids))
        marked = await self._inbox.mark_read(request.person_id, ids, self._clock.now())
        return pb.MarkNotificationsReadResponse(marked=marked)

    async def GetDigest(
        self,
        request: pb.GetDigestRequest,
        context: grpc.aio.ServicerContext[pb.GetDigestRequest, pb.GetDigestResponse],
    ) -> pb.GetDigestResponse:
        """Counts by status, from the documents themselves."""
        counts, waiting = await self._inbox.counts()
        shards = await self._shards()
        return pb.GetDigestResponse(
            scheduled=counts.get(Status.SCHEDULED, 0),
            sent=counts.get(Status.SENT, 0),
            suppressed=counts.get(Status.SUPPRESSED, 0),
            failed=counts.get(Status.FAILED, 0),
            unpublished=sum(shard.unpublished for shard in shards),
            waiting=waiting,
        )

    async def CheckDeliveries(
        self,
        request: pb.CheckDeliveriesRequest,
        context: grpc.aio.ServicerContext[pb.CheckDeliveriesRequest, pb.CheckDeliveriesResponse],
    ) -> pb.CheckDeliveriesResponse:
        """What became of each message, without its words."""
        now = self._clock.now()
        found = await self._inbox.of_events(request.message_ids)
        deliveries = []
        for message_id in request.message_ids:
            pairs = found.get(message_id, [])
            deliveries.append(
                pb.Delivery(
                    message_id=message_id,
                    notifications=[to_proto(notification, now, own=False) for notification, _ in pairs],
                    waiting=any(waiting for _, waiting in pairs),
                )
            )
        return pb.CheckDeliveriesResponse(deliveries=deliveries)

    async def _worded(self, entries: Sequence[Entry]) -> list[notification_pb2.Notification]:
        now = self._clock.now()
        notifications = [entry.notification for entry in entries]
        people = await self._people.get(
            person
            for notification in notifications
            for person in (notification.message.recipient_id, *notification.message.other_person_ids)
        )
        return [self._with_words(notification, people, now) for notification in notifications]

    def _with_words(
        self, notification: Notification, people: dict[str, Person], now: datetime
    ) -> notification_pb2.Notification:
        recipient_id = notification.message.recipient_id
        recipient = people.get(recipient_id, Person(person_id=recipient_id))
        rendered = self._renderer.render(notification.message, recipient, people)
        proto = to_proto(notification, now)
        proto.title, proto.body, proto.html = rendered.title, rendered.text, rendered.html
        return proto
