"""The tables of docs/operations.md, from the code; `python -m tests.architecture.reference` renews them there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.interactions.metrics import RecordingMetrics
from services.interactions.settings import InteractionsSettings
from services.notifications.settings import Settings as NotificationsSettings
from services.platform.settings import ServiceSettings, Variable, variables
from services.platform.telemetry import Metrics
from services.profiles.settings import ProfilesSettings
from services.recommendations.materialiser.progress import Progress
from services.recommendations.settings import RecommendationsSettings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
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


def tables() -> dict[str, list[str]]:
    """Every table by the heading it stands under."""
    head = ["| variable | default | meaning |", "|---|---|---|"]
    settings = {f"### {each.service} only": [*head, *setting_rows(own(each))] for each in OWN}
    metrics = ["| metric | kind | meaning |", "|---|---|---|", *metric_rows()]
    return {"### Every service": [*head, *setting_rows(common())], **settings, "## Metrics": metrics}


def updated(document: str) -> str:
    """The document with the first table under each of those headings replaced."""
    for heading, rows in tables().items():
        before, _, after = document.partition(f"\n{heading}\n")
        text, _, rest = after.partition("\n|")
        # A table ends where a line does not go on with a bar.
        tail = re.sub(r"\A.*\n(?:\|.*\n)*", "", rest)
        document = f"{before}\n{heading}\n{text}\n" + "\n".join([*rows, tail])
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
