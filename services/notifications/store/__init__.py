"""What the notifications service keeps: people, notifications on their way, and inboxes."""

from collections.abc import Mapping, Sequence

from services.notifications.store.inbox import Entry, InboxStore
from services.notifications.store.outgoing import INDEXES, OutgoingStore, Result
from services.notifications.store.people import INBOXES, PRIVATE, PUBLIC, PeopleStore
from services.platform.mongo import Index

SPECS: Mapping[str, Sequence[Index]] = {**INDEXES, PUBLIC: (), PRIVATE: (), INBOXES: ()}

__all__ = ["PRIVATE", "PUBLIC", "SPECS", "Entry", "InboxStore", "OutgoingStore", "PeopleStore", "Result"]
