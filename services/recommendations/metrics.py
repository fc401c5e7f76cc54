"""What recommendations count beside the platform's metrics. Labels never hold a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The table."""

    # Suggestions served, by kind and type of the first reason: of how many nothing particular could be said.
    suggestions: Counter
    # Introductions by what became of them: proposed (nobody asked), invited, made, closed.
    introductions: Counter
    # Questions to profiles that got no answer: nothing went out for them.
    unanswered: Counter

    @classmethod
    def create(cls, registry: CollectorRegistry) -> Self:
        """The counters in the process's registry."""
        return cls(
            suggestions=Counter("acquaint_suggestions", "Suggestions served.", ("kind", "reason"), registry=registry),
            introductions=Counter("acquaint_introductions", "Introductions.", ("kind", "state"), registry=registry),
            unanswered=Counter("acquaint_checks_unanswered", "Unanswered questions to profiles.", registry=registry),
        )
