"""How long SuggestIntroductions takes by gRPC while nothing else goes on, beside an empty unary call.

python -m benchmarks.suggest [EVENTS.csv[.gz]] [--labels LABELS.csv] [--data-dir DIR] [--questions N] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from pathlib import Path
from typing import Any

import uvloop
from acquaint.recommendations.v1 import introduction_pb2, introduction_service_pb2

from benchmarks.support.figures import machine, percentile, show
from benchmarks.support.network import fill
from benchmarks.support.raw import empty_calls, rate
from benchmarks.support.stacks import processor_seconds, stack_at, used
from services.cli.connection import Clients, clients

AT_ONCE = 4
REST_SECONDS = 2.0


async def ask(stubs: Clients, person_id: str) -> int:
    """Asks for the suggestions of one person and returns how many there are."""
    request = introduction_service_pb2.SuggestIntroductionsRequest(person_id=person_id, limit=10)
    return len((await stubs.introductions.SuggestIntroductions(request, timeout=5)).suggestions)


async def run(path: Path | None, labels_path: Path | None, data_dir: Path | None, questions: int) -> dict[str, Any]:
    """Fills a stack (of its own, unless `data_dir` has one), lets it rest, asks one question after the other."""
    before = machine()
    async with stack_at(data_dir) as address, clients(address) as stubs:
        # In the mode shadow the planner would go on considering everybody for minutes: that is not idle.
        off = introduction_service_pb2.SetLaunchModeRequest(mode=introduction_pb2.LAUNCH_MODE_OFF)
        await stubs.introductions.SetLaunchMode(off)
        people = await fill(address, path, labels_path)
        await asyncio.sleep(REST_SECONDS)
        draw = random.Random(5)
        asked = [draw.choice(people) for _ in range(questions)]
        for person_id in asked[:100]:
            await ask(stubs, person_id)  # warm
        empty_p50, empty_p99, empty_rate = await empty_calls()
        idle = processor_seconds(address.data_dir)
        seconds, suggested = [], 0
        for person_id in asked:
            begun = time.perf_counter()
            suggested += await ask(stubs, person_id)
            seconds.append(time.perf_counter() - begun)
        processors = used(idle, processor_seconds(address.data_dir))
        waiting = iter(asked)

        async def caller() -> None:
            for person_id in waiting:
                await ask(stubs, person_id)

        answers = await rate(questions, lambda: asyncio.gather(*(caller() for _ in range(AT_ONCE))))
    p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
    return {
        "machine": before,
        "people": len(people),
        "questions": questions,
        "suggestions_per_answer": round(suggested / questions, 2),
        "p50_ms": p50,
        "p99_ms": p99,
        "slowest_ms": percentile(seconds, 1.0),
        "answers_per_second": answers,
        "processor_seconds": processors,
        "raw": {"empty_call_p50_ms": empty_p50, "empty_call_p99_ms": empty_p99, "empty_calls_per_second": empty_rate},
        "p50_to_empty_call": round(p50 / empty_p50, 1),
        "p99_to_empty_call": round(p99 / empty_p99, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--data-dir", type=Path, help="measure the stack that runs there; it gets the file's people")
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = uvloop.run(run(options.events, options.labels, options.data_dir, options.questions))
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
