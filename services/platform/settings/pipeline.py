"""How facts leave a service (journal, relay) and how they are taken in (consumers)."""

from __future__ import annotations

from pydantic import Field

from services.platform.settings.group import Group


class JournalSettings(Group):
    """Limits above which writes are refused, before the database is full."""

    maximum_unpublished_records: int = Field(
        default=5_000_000, ge=1, description="Records waiting for the broker above which writes are refused."
    )
    maximum_storage_bytes: int = Field(
        default=0, ge=0, description="Bytes used by the database above which writes are refused; 0: no limit."
    )
    minimum_free_bytes: int = Field(
        default=1_000_000_000,
        ge=0,
        description="Free bytes of the database's disk below which writes are refused.",
    )
    row_bytes: int = Field(
        default=800_000,
        ge=10_000,
        le=900_000,
        description="Most bytes of records packed into one row; one row fits a batch.",
    )
    keep_published_days: float = Field(
        default=30.0, gt=0, description="How long published rows stay in topics that are not kept for ever."
    )


class RelaySettings(Group):
    """The publisher of a service's journal."""

    lease_seconds: float = Field(
        default=6.0, gt=0, le=300, description="How long a silent relay keeps its shards before another takes them."
    )
    poll_seconds: float = Field(
        default=0.05, gt=0, le=60, description="How often a relay looks for rows that other processes wrote."
    )
    idle_poll_seconds: float = Field(
        default=0.5, gt=0, le=60, description="How often it looks at most seldom, while nobody else writes."
    )
    batch_bytes: int = Field(
        default=900_000, ge=10_000, le=1_000_000, description="Most bytes in one batch to the broker."
    )
    backoff_seconds: float = Field(default=0.2, gt=0, le=60, description="First pause after a failed send; doubles.")
    maximum_backoff_seconds: float = Field(default=10.0, gt=0, le=300, description="Longest pause after failed sends.")
    flush_seconds: float = Field(default=5.0, ge=0, le=120, description="How long a stopping relay goes on publishing.")
    read_back_seconds: float = Field(
        default=3600.0, gt=0, description="How often a service reads back its own compacted topics and repairs them."
    )


class ConsumerSettings(Group):
    """The consumers of topics."""

    batch_records: int = Field(default=1000, ge=1, le=10_000, description="Most records handled in one transaction.")
    batch_timeout_ms: int = Field(
        default=50, ge=1, le=1000, description="How long a consumer rests after a poll that brought nothing."
    )
    session_timeout_ms: int = Field(
        default=6000, ge=1000, le=300_000, description="When a silent group member is expelled."
    )
    backoff_seconds: float = Field(default=0.2, gt=0, le=60, description="First pause after a failed batch; doubles.")
    maximum_backoff_seconds: float = Field(
        default=30.0, gt=0, le=600, description="Longest pause after failed batches."
    )
    poison_run: int = Field(
        default=20, ge=1, description="Poison records in a row above which our own topics are paused."
    )
    poison_share: float = Field(
        default=0.05, gt=0, le=1, description="Share of poison that pauses our own topics and quarantines a source."
    )
    poison_window: int = Field(default=1000, ge=20, description="Records over which that share is counted.")
    source_minimum: int = Field(
        default=20, ge=1, description="Poison records of one source below which that share does not quarantine it."
    )
    instance: str = Field(
        default="",
        pattern=r"^[\w.-]{0,100}$",
        description="Name of this replica that outlives a restart (static membership: no rebalance); empty: none.",
    )
    status_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How often lag, pauses and releases are looked at."
    )
    watchdog_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How long nothing may move, with lag and all else well, before the process ends.",
    )
