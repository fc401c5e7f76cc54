"""A consumer that is killed with -9 the moment its first batches are durable, before the broker hears of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from services.platform.clock import SystemClock
from services.platform.consumer import Consumers, Subscription
from services.platform.mongo import Database
from services.platform.settings import ConsumerSettings, KafkaSettings, MongoSettings
from services.platform.telemetry import Metrics
from services.platform.topics import TopicKind
from tests.consumer_stage import GROUP, Effects, topic_of


async def main(bootstrap: str, uri: str, topic: str, name: str) -> None:
    database = Database.connect(MongoSettings(uri=uri), name)
    effects = Effects(database)

    def die() -> None:
        if len(effects.batches) >= 3:
            os.kill(os.getpid(), signal.SIGKILL)

    consumers = Consumers(
        database,
        KafkaSettings(bootstrap=bootstrap),
        [Subscription(topic=topic_of(TopicKind.INBOUND, topic), group=GROUP, handler=effects, after_commit=die)],
        clock=SystemClock(),
        settings=ConsumerSettings(batch_records=20, status_seconds=60),
        metrics=Metrics.create(),
    )
    await consumers.start()
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
