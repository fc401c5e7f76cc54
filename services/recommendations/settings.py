"""What recommendations can be told beyond what every service can."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from services.platform.settings import ServiceSettings
from services.platform.settings.group import Group


class GraphViewSettings(Group):
    """The graph as a view of the interactions journal."""

    half_life_days: float = Field(
        default=120.0, gt=0, le=3650, description="After how many days a contact counts half."
    )
    snapshots: Path | None = Field(
        default=None, description="Directory for snapshots of the graph; without it a start reads the whole journal."
    )
    snapshot_seconds: float = Field(default=60.0, gt=0, description="How often a changed graph is saved.")
    snapshots_kept: int = Field(default=3, ge=1, le=100, description="How many snapshots stay.")
    batch_records: int = Field(default=5000, ge=1, le=100_000, description="Most records folded at once.")
    compare_seconds: float = Field(
        default=5.0, gt=0, description="How often the graph's position is compared with the journal's end."
    )
    retry_seconds: float = Field(
        default=1.0, gt=0, description="How long to wait when broker or journal do not answer, or cannot be read."
    )


class LifecycleSettings(Group):
    """How long people have to answer."""

    expire_days: float = Field(default=7.0, gt=0, le=90, description="After how many days an invitation expires.")
    snooze_days: float = Field(
        default=3.0, gt=0, le=90, description="After how many days 'later' asks again, where the person names no time."
    )
    retry_seconds: float = Field(
        default=30.0, gt=0, description="When an introduction is looked at again if profiles did not answer."
    )
    check_seconds: float = Field(
        default=2.0, gt=0, le=30, description="How long profiles may take to say who may take part."
    )
    tick_seconds: float = Field(default=1.0, gt=0, description="How often what is due is looked for.")
    lease_seconds: float = Field(
        default=10.0, gt=0, description="After how long a silent replica's jobs are taken over."
    )
    repeat_days: float = Field(
        default=180.0, gt=0, description="For how many days two people who were introduced are not suggested again."
    )


class PlannerSettings(Group):
    """Who is considered when, and how much there may be."""

    tick_seconds: float = Field(default=1.0, gt=0, description="How often people who are due are looked for.")
    lease_seconds: float = Field(default=30.0, gt=0, description="After how long an unfinished claim of a person ends.")
    retry_seconds: float = Field(
        default=60.0, gt=0, description="When a person is looked at again if something did not answer."
    )
    nobody_found_hours: float = Field(
        default=24.0, gt=0, description="When a person is looked at again for whom nobody was found."
    )
    maximum_lag: int = Field(
        default=1000, ge=0, description="Records behind the journal above which nothing is planned."
    )
    rest_seconds: float = Field(
        default=0.25, ge=0, description="Rest after each person considered while interactions are coming in."
    )
    per_day: int = Field(default=1000, ge=0, description="Most introductions proposed in a day (UTC).")
    inbound_cap: int = Field(
        default=3, ge=0, description="Most introductions in a month that others' turns lead to, per person."
    )
    open_limit: int = Field(default=5, ge=1, description="Most open introductions of a person whose turn it is.")
    candidates: int = Field(default=10, ge=1, le=100, description="How many candidates are weighed per person.")


class RecommendationsSettings(ServiceSettings):
    """The settings of recommendations."""

    service: ClassVar[str] = "recommendations"
    default_port: ClassVar[int] = 50053

    graph: GraphViewSettings = Field(default=GraphViewSettings(), description="The graph.")
    lifecycle: LifecycleSettings = Field(default=LifecycleSettings(), description="Introductions and invitations.")
    planner: PlannerSettings = Field(default=PlannerSettings(), description="The planner.")
