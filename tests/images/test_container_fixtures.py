"""The switch of the integration fixtures: the same suites pass on containers as on local processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.images.conftest import Images
from tests.images.made_here import ROOT

pytestmark = [pytest.mark.images, pytest.mark.timeout(1800)]

# Both fixtures, transactions and outbox, what comes back after a kill, a pause and a stop, and a group's positions.
SUITES = (
    "tests/integration/devstack/test_shared_fixtures.py",
    "tests/integration/platform/test_mongo_transactions.py",
    "tests/integration/platform/test_outbox.py",
    "tests/integration/platform/test_consumer_outages.py",
    "tests/integration/platform/test_relay.py",
    "tests/integration/platform/test_topics.py",
    "tests/contract/test_log.py",
)


def test_the_integration_suites_pass_on_containers(images: Images) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--timeout", "300", *SUITES],
        cwd=ROOT,
        env={**os.environ, **images.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    print(done.stdout[-4000:])
    assert done.returncode == 0
