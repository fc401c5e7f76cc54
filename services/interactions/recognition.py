"""Recognises interactions that plainly keep every rule of the proto, at a fifth of what the rules' interpreter costs.

It only ever says yes to what the rules say yes to (a property test holds it to that); whatever it does not recognise is
judged by the rules themselves, so these stay the one source of what is refused and why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from acquaint.interactions.v1.interaction_pb2 import HelpKind, Interaction, InteractionType

_IDS = re.compile(r"[!-~]{1,128}(?:\n[!-~]{1,128})*")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TYPES = frozenset(InteractionType.values()) - {0}
_HELP_KINDS = frozenset(HelpKind.values())
_MOST_PARTICIPANTS = 200
_LONGEST_SECONDS = 2_592_000
_SECOND = 10**9


def plainly_valid(message: Interaction, participants: Sequence[str]) -> bool:
    """Whether no rule can be broken; `participants` are the message's, taken out once by the caller."""
    count = len(participants)
    if not 0 < count <= _MOST_PARTICIPANTS or (count > 1 and len(set(participants)) < count):
        return False
    if message.type not in _TYPES or message.help_kind not in _HELP_KINDS or not message.HasField("time"):
        return False
    if message.HasField("duration"):
        duration = message.duration
        if not (0 <= duration.seconds < _LONGEST_SECONDS and 0 <= duration.nanos < _SECOND):
            return False
    ids = (message.interaction_id, message.initiator_id, message.context_id or "-", *participants)
    text = "\n".join(ids)
    # One match for all: an id that holds a line feed itself shows in the count.
    return text.count("\n") == count + 2 and _IDS.fullmatch(text) is not None and _is_source(message.source)


@lru_cache(maxsize=1024)
def _is_source(name: str) -> bool:
    return _SOURCE.fullmatch(name) is not None
