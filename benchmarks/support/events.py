"""Input that is always the same: who wrote to whom, as interactions or as a file of t,src,dst."""

from __future__ import annotations

import csv
import random
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from acquaint.interactions.v1 import interaction_pb2, interaction_service_pb2

BATCH = 1000
SOURCE = "benchmark"
PEOPLE = 1000


def interactions(count: int) -> Iterator[interaction_pb2.Interaction]:
    """Messages of one person to one to three others; always the same people, never the same ids."""
    draw, run = random.Random(7), uuid.uuid4().hex[:8]
    for number in range(count):
        initiator, *others = draw.sample(range(PEOPLE), draw.choice((2, 2, 3, 4)))
        message = interaction_pb2.Interaction(
            interaction_id=f"{run}-{number}",
            source=SOURCE,
            type=interaction_pb2.INTERACTION_TYPE_MESSAGE,
            initiator_id=f"person-{initiator:05}",
            participant_ids=[f"person-{each:05}" for each in others],
        )
        message.time.seconds = 1_700_000_000 + number
        yield message


def requests(count: int) -> Sequence[interaction_service_pb2.RecordInteractionsRequest]:
    """The same in batches."""
    everything = list(interactions(count))
    return [
        interaction_service_pb2.RecordInteractionsRequest(interactions=everything[begin : begin + BATCH])
        for begin in range(0, count, BATCH)
    ]


def write_stream(path: Path, *, people: int, mails: int, team: int = 0) -> None:
    """A file of t,src,dst: a mail a minute to one to four others, nine of ten inside a `team` where there are any."""
    draw = random.Random(3)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["t", "src", "dst"])
        for number in range(mails):
            sender = draw.randrange(people)
            most = draw.choice((1, 1, 2, 4))
            near = team and draw.random() < 0.9
            circle = (
                range(sender - sender % team, min(sender - sender % team + team, people)) if near else range(people)
            )
            others = [each for each in draw.sample(circle, min(most + 1, len(circle))) if each != sender][:most]
            writer.writerows([number * 60, f"p{sender}", f"p{other}"] for other in others)
