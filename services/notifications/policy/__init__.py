"""When and whether a notification may go out, decided from facts alone: no store, no clock, no channel."""

from services.notifications.policy.decision import Decision, Delay, Facts, Send, Suppress, decide
from services.notifications.policy.quiet_hours import QuietHours

__all__ = ["Decision", "Delay", "Facts", "QuietHours", "Send", "Suppress", "decide"]
