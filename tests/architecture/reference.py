"""The tables of docs/operations.md, made from the code: `python -m tests.architecture.reference` prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry

from services.interactions.metrics import RecordingMetrics
from services.interactions.settings import InteractionsSettings
from services.notifications.settings import Settings as NotificationsSettings
from services.platform.settings import ServiceSettings, Variable, variables
from services.platform.telemetry import Metrics
from services.profiles.settings import ProfilesSettings
from services.recommendations.materialiser.progress import Progress
from services.recommendations.settings import RecommendationsSettings

OWN = (ProfilesSettings, InteractionsSettings, RecommendationsSettings, NotificationsSettings)


def setting_rows(settings: Iterable[Variable]) -> list[str]:
    """One row of a table for each variable."""
    return [f"| `{each.name}` | {_default(each)} | {_text(each)} |" for each in settings]


def common() -> list[Variable]:
    """What every service can be told."""
    return list(variables(ServiceSettings))


def own(service: type[ServiceSettings]) -> list[Variable]:
    """What only this service can be told."""
    shared = {each.name for each in common()}
    return [each for each in variables(service) if each.name not in shared]


def metric_rows() -> list[str]:
    """One row of a table for each metric of the four services."""
    registry = CollectorRegistry()
    Metrics.create(registry)
    RecordingMetrics(registry)
    Progress(registry)
    suffix = {"counter": "_total"}
    return [
        f"| `{family.name}{suffix.get(family.type, '')}` | {family.type} | {family.documentation} |"
        for family in sorted(registry.collect(), key=lambda family: family.name)
    ]


def _default(variable: Variable) -> str:
    # A set has no order of its own.
    text = re.sub(
        r"frozenset\(\{(.*?)\}\)", lambda found: f"[{', '.join(sorted(found[1].split(', ')))}]", variable.default or ""
    )
    return f"`{text}`" if text and text != "None" else "–"


def _text(variable: Variable) -> str:
    return variable.description + (" Secret." if variable.secret else "")


def tables() -> Iterator[str]:
    """Everything, with the headings it stands under."""
    head = ["| variable | default | meaning |", "|---|---|---|"]
    yield from ["### Every service", *head, *setting_rows(common()), ""]
    for service in OWN:
        yield from [f"### {service.service} only", *head, *setting_rows(own(service)), ""]
    yield from ["## Metrics", "| metric | kind | meaning |", "|---|---|---|", *metric_rows()]


if __name__ == "__main__":
    print("\n".join(tables()))
