"""What time alone changes: expiries, questions asked again, makings tried again. One replica works at it."""

from __future__ import annotations

import asyncio

from services.platform.clock import Clock
from services.platform.errors import DependencyUnavailable, ServiceError
from services.platform.supervision import supervised_task
from services.platform.telemetry import get_logger
from services.recommendations.lifecycle import Lifecycle
from services.recommendations.settings import LifecycleSettings
from services.recommendations.store import IntroductionStore, Lease

logger = get_logger(__name__)

_CHUNK = 100


class DueJobs:
    """A component, under a lease; every step rests on a version, so two at once do nothing twice."""

    name = "due-jobs"

    def __init__(
        self,
        *,
        lifecycle: Lifecycle,
        introductions: IntroductionStore,
        lease: Lease,
        settings: LifecycleSettings,
        clock: Clock,
    ) -> None:
        self._lifecycle = lifecycle
        self._introductions = introductions
        self._lease = lease
        self._settings = settings
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins in the background."""
        self._task = supervised_task("due-jobs", self._run())

    async def stop(self) -> None:
        """Stops and lets another replica work."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._lease.release()
        except DependencyUnavailable as error:
            logger.warning("lease_not_released", cause=str(error))

    async def _run(self) -> None:
        while True:
            try:
                await self.tick()
            except (DependencyUnavailable, ServiceError) as error:
                logger.warning("due_jobs_failed", cause=str(error))
            await self._clock.sleep(self._settings.tick_seconds)

    async def tick(self) -> int:
        """Does what is due now, if this replica holds the lease; how many introductions were looked at."""
        looked_at = 0
        while await self._lease.held():
            due = await self._introductions.due(self._clock.now(), _CHUNK)
            for introduction_id in due:
                await self._lifecycle.let_time_pass(introduction_id)
            looked_at += len(due)
            if len(due) < _CHUNK:
                break
        return looked_at
