"""Consumers of topics: every record is done or poison, exactly one of the two, and its effect counts once."""

from services.platform.consumer.follower import Follower, PositionLost
from services.platform.consumer.pauses import resume
from services.platform.consumer.quarantine import quarantined, release
from services.platform.consumer.runtime import Consumers
from services.platform.consumer.subscription import Delivery, Handler, Poison, Subscription, kafka_group
from services.platform.consumer.versions import State, highest_version

__all__ = [
    "Consumers",
    "Delivery",
    "Follower",
    "Handler",
    "Poison",
    "PositionLost",
    "State",
    "Subscription",
    "highest_version",
    "kafka_group",
    "quarantined",
    "release",
    "resume",
]
