"""An acknowledged write is never lost: facts commit with the write, are numbered once and published in order.

`Outbox` writes, `Journal` reads, `Relay` publishes, `StateReadBack` repairs compacted topics.
"""

from services.platform.outbox.journal import Journal, JournalRecord
from services.platform.outbox.outbox import Outbox
from services.platform.outbox.ports import JournalBroken, Shard
from services.platform.outbox.read_back import OwnState, StateOwner, StateReadBack
from services.platform.outbox.relay import Relay
from services.platform.outbox.rows import RecordTooLarge

__all__ = [
    "Journal",
    "JournalBroken",
    "JournalRecord",
    "Outbox",
    "OwnState",
    "RecordTooLarge",
    "Relay",
    "Shard",
    "StateOwner",
    "StateReadBack",
]
