"""docs/operations.md says of every setting and metric what it is, as the code does; the code is what is right."""

from __future__ import annotations

import re

from tests.architecture import reference

TEXT = reference.DOCUMENT.read_text()
COMMAND = "`.venv/bin/python -m tests.architecture.reference` brings the tables up to date"
DATABASES = {f"acquaint_{each.service}" for each in reference.OWN}
# What the tests of the images read, which are no services.
OF_THE_TESTS = {f"ACQUAINT_TEST_{name}_IMAGE" for name in ("BASE", "KAFKA", "MONGO")}


def test_every_setting_and_metric_is_documented_as_it_is() -> None:
    for heading, rows in reference.tables().items():
        assert f"\n{heading}\n" in TEXT
        missing = [row for row in rows if row not in TEXT.splitlines()]
        assert missing == [], COMMAND
    assert reference.updated(TEXT) == TEXT, COMMAND


def test_nothing_is_documented_that_is_not_there() -> None:
    mentioned = set(re.findall(r"`(acquaint_\w+|ACQUAINT_\w+)`", TEXT))
    rows = "\n".join(row for table in reference.tables().values() for row in table)
    known = set(re.findall(r"^\| `(\w+)`", rows, flags=re.MULTILINE))
    assert mentioned - known - DATABASES - OF_THE_TESTS == set(), COMMAND
