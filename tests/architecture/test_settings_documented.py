"""docs/operations.md says of every setting and metric what it is, as the code does; the code is what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.platform.settings import ServiceSettings
from tests.architecture import reference

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text().splitlines()
COMMAND = "`.venv/bin/python -m tests.architecture.reference` prints the tables"


def test_every_setting_that_services_share_is_documented_with_its_default() -> None:
    assert [row for row in reference.setting_rows(reference.common()) if row not in DOCUMENT] == [], COMMAND


@pytest.mark.parametrize("service", reference.OWN)
def test_every_setting_of_one_service_is_documented_with_its_default(service: type[ServiceSettings]) -> None:
    assert reference.own(service)
    assert [row for row in reference.setting_rows(reference.own(service)) if row not in DOCUMENT] == [], COMMAND


def test_every_metric_is_documented() -> None:
    assert [row for row in reference.metric_rows() if row not in DOCUMENT] == [], COMMAND


def test_nothing_is_documented_that_is_not_there() -> None:
    known = [*reference.tables()]
    rows = [line for line in DOCUMENT if line.startswith(("| `ACQUAINT_", "| `acquaint_"))]
    assert [row for row in rows if row not in known] == [], COMMAND
