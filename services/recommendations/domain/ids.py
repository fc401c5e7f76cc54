"""Ids that follow from what they name: whoever does the same thing again arrives at the same id."""

from __future__ import annotations

from hashlib import blake2b


def introduction_id(kind: str, person_id: str, period: int, *, shadow: bool) -> str:
    """The id of what a person's due consideration number `period` leads to."""
    return _digest("shadow" if shadow else "introduction", kind, person_id, str(period))


def issued_message_id(introduction_id: str, recipient_id: str, asking_number: int) -> str:
    """The id of the event that asks `recipient_id` for the `asking_number`-th time."""
    return _digest("invitation-issued", introduction_id, recipient_id, str(asking_number))


def closed_message_id(introduction_id: str, recipient_id: str, closing: str) -> str:
    """The id of the event that ends the recipient's question in the way `closing`."""
    return _digest("invitation-closed", introduction_id, recipient_id, closing)


def made_message_id(introduction_id: str, recipient_id: str) -> str:
    """The id of the event that tells the recipient that all have said yes."""
    return _digest("introduction-made", introduction_id, recipient_id)


def announced_message_id(introduction_id: str) -> str:
    """The id of the event that tells the enterprise."""
    return _digest("introduction-announced", introduction_id)


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
