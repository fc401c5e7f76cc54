"""How a rendered notification leaves the house: one adapter per channel, all with the same three outcomes."""

from services.notifications.channels.email import EmailChannel, SmtpSettings
from services.notifications.channels.inbox import InboxChannel
from services.notifications.channels.port import Accepted, ChannelPort, Outcome, Refused, Unavailable

__all__ = [
    "Accepted",
    "ChannelPort",
    "EmailChannel",
    "InboxChannel",
    "Outcome",
    "Refused",
    "SmtpSettings",
    "Unavailable",
]
