"""Replays the records of a released source in their order, and lets the source in again when nothing is left behind.

Any replica may do it, also two at once: each step is conditional on the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.platform.consumer.application import QUARANTINED, Application
from services.platform.consumer.batch import Batch
from services.platform.consumer.dead_letters import DeadLetters, Letter
from services.platform.consumer.ledger import ReplayLedger
from services.platform.consumer.parser import Parser
from services.platform.consumer.quarantine import Quarantine, Quarantines, mark


class Replay:
    """The replay of one subscription's quarantined sources; `report` is told what became of each step's records."""

    def __init__(
        self, application: Application, parser: Parser, dead_letters: DeadLetters, quarantines: Quarantines
    ) -> None:
        self._application, self._parser = application, parser
        self._dead_letters, self._quarantines = dead_letters, quarantines

    async def run(self, source: str, stopped: Callable[[], bool]) -> bool:
        """Replays what was set aside until now; True when the source is let in, False when more came or `stopped`.

        Raises Fenced when another replica is ahead, and what the database or the dead letters raise.
        """
        quarantine = (await self._quarantines.current()).get(source)
        if quarantine is None or not quarantine.releasing:
            return True
        # Letters are acknowledged before their mark is committed: all that are marked now lie before the end now.
        ledger = ReplayLedger(self._quarantines, quarantine)
        async for letters in self._dead_letters.read():
            for group in _by_generation(self._due(letters, quarantine, ledger)):
                batch = self._batch(group)
                while len(batch):
                    if stopped():
                        return False
                    done = await self._application.run(batch, ledger)
                    batch = batch.after(done.count)
        return await self._quarantines.end(quarantine)

    def _due(self, letters: Sequence[Letter], quarantine: Quarantine, ledger: ReplayLedger) -> list[Letter]:
        """The letters of the source that were set aside for good and not replayed yet, each once."""
        reached = dict(ledger.quarantine.replayed)
        due: list[Letter] = []
        for letter in letters:
            if letter.source != quarantine.source or letter.error != QUARANTINED:
                continue
            key, offset = mark(letter.generation, letter.record.partition), letter.record.offset
            if reached.get(key, 0) <= offset < quarantine.diverted.get(key, 0):
                reached[key] = offset + 1
                due.append(letter)
        return due

    def _batch(self, letters: Sequence[Letter]) -> Batch:
        generation = letters[0].generation
        records = [letter.record for letter in letters]
        return Batch(
            generation=generation,
            records=records,
            readings=[self._parser.read(record, generation) for record in records],
            sources=[letter.source for letter in letters],
        )


def _by_generation(letters: Sequence[Letter]) -> list[list[Letter]]:
    groups: list[list[Letter]] = []
    for letter in letters:
        if groups and groups[-1][0].generation == letter.generation:
            groups[-1].append(letter)
        else:
            groups.append([letter])
    return groups
