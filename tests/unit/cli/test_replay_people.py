"""A replay invents people and consent: on development stacks only, once per person, and completed when interrupted."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from acquaint.operations.v1 import operations_service_pb2
from acquaint.profiles.v1 import profile_pb2, profile_service_pb2
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.output import CommandFailed
from services.cli.replay.command import kept_in, make_people, refuse_production, shift_of
from services.platform.errors import invalid, to_status

IDS = tuple(f"p{number}" for number in range(1200))


class Service:
    """A service of an environment."""

    def __init__(self, environment: str) -> None:
        self._environment = environment

    async def GetStatus(self, _: object) -> operations_service_pb2.GetStatusResponse:
        return operations_service_pb2.GetStatusResponse(environment=self._environment)


class Profiles:
    """A profiles service in memory: who is there, and who joined how often."""

    def __init__(self) -> None:
        self.people: dict[str, profile_pb2.Profile] = {}
        self.joined: dict[str, int] = {}
        self.refused = ""
        self.away = False

    async def BatchGetProfiles(self, request: Any) -> profile_service_pb2.BatchGetProfilesResponse:
        there = [self.people[each] for each in request.person_ids if each in self.people]
        return profile_service_pb2.BatchGetProfilesResponse(profiles=there)

    async def ImportProfiles(self, request: Any, timeout: float) -> profile_service_pb2.ImportProfilesResponse:
        response = profile_service_pb2.ImportProfilesResponse()
        for item in request.items:
            if item.profile.person_id == self.refused:
                error = to_status(invalid("person_id", "was erased"))
                response.results.add(outcome=profile_service_pb2.IMPORT_OUTCOME_REFUSED, error=error)
            else:
                self.people[item.profile.person_id] = item.profile
                response.results.add(outcome=profile_service_pb2.IMPORT_OUTCOME_CREATED)
        return response

    async def BatchJoinPeople(self, request: Any, timeout: float) -> profile_service_pb2.BatchJoinPeopleResponse:
        if self.away:
            raise ConnectionError("interrupted")
        response = profile_service_pb2.BatchJoinPeopleResponse()
        for each in request.requests:
            assert each.notice
            assert each.HasField("informed_at")
            self.joined[each.person_id] = self.joined.get(each.person_id, 0) + 1
            response.results.add(outcome=profile_service_pb2.IMPORT_OUTCOME_UPDATED)
        return response


def stubs(profiles: Profiles) -> Any:
    return SimpleNamespace(profiles=profiles)


async def test_one_service_that_is_not_of_a_development_stack_is_enough_to_refuse() -> None:
    services = {"profiles": Service("development"), "notifications": Service("production")}
    everything: Any = SimpleNamespace(operations=services)
    with pytest.raises(CommandFailed, match="notifications says 'production'"):
        await refuse_production(everything)
    await refuse_production(SimpleNamespace(operations={"profiles": Service("development")}))  # type: ignore[arg-type]


async def test_a_service_that_does_not_say_where_it_runs_is_refused() -> None:
    silent: Any = SimpleNamespace(operations={"profiles": Service("")})
    with pytest.raises(CommandFailed, match="for development stacks only"):
        await refuse_production(silent)


async def test_everybody_of_the_file_is_made_and_joins_once_with_their_label_as_unit() -> None:
    profiles = Profiles()
    await make_people(stubs(profiles), IDS, {"p7": "Sales"})
    await make_people(stubs(profiles), IDS, {"p7": "Sales"})
    assert profiles.joined == dict.fromkeys(IDS, 1)
    assert (profiles.people["p7"].unit, profiles.people["p8"].unit) == ("Sales", "")


async def test_people_who_were_there_before_are_left_as_they_are() -> None:
    profiles = Profiles()
    profiles.people["p3"] = profile_pb2.Profile(person_id="p3", name="Ada", unit="Research")
    await make_people(stubs(profiles), IDS[:5], {"p3": "Sales"}, joined=False)
    assert profiles.people["p3"].unit == "Research"
    assert sorted(profiles.joined) == ["p0", "p1", "p2", "p4"]


async def test_people_whom_an_interrupted_replay_made_join_with_the_next_one() -> None:
    profiles = Profiles()
    profiles.away = True
    with pytest.raises(ConnectionError):
        await make_people(stubs(profiles), IDS, {}, joined=False)
    profiles.away = False
    await make_people(stubs(profiles), IDS, {}, joined=False)
    assert profiles.joined == dict.fromkeys(IDS, 1)


async def test_a_person_who_is_refused_ends_the_replay_with_the_reason() -> None:
    profiles = Profiles()
    profiles.refused = "p4"
    with pytest.raises(CommandFailed, match="a person was refused: INVALID_FIELD: person_id: was erased"):
        await make_people(stubs(profiles), IDS, {})


def test_times_end_now_and_a_run_keeps_its_shift(tmp_path: Path) -> None:
    kept = kept_in(tmp_path, "run")
    first = shift_of(kept, 1_000)
    assert abs(first + 1_000 - time.time()) < 5
    assert shift_of(kept_in(tmp_path, "run"), 1_000) == first
    assert shift_of(kept_in(tmp_path, "run"), 500_000) == first
    assert shift_of(kept_in(tmp_path, "other"), 500_000) < first


def test_without_a_data_directory_there_is_no_replay() -> None:
    with pytest.raises(CommandFailed, match="needs the data directory"):
        kept_in(None, "run")


@pytest.mark.parametrize("name", ["../up", "a b", "x" * 65, "ü", "--"])
def test_a_name_of_a_run_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text("t,src,dst\n1,a,b\n")
    outcome = CliRunner().invoke(app, ["replay", str(path), "--run", name, "--data-dir", str(tmp_path)])
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("acquaint: --run: letters, digits")


def test_a_file_with_a_bad_row_is_refused_before_anything_is_asked_of_a_stack(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("t,src,dst\n1,a,b\n2,a,a\n")
    outcome = CliRunner().invoke(app, ["replay", str(path), "--data-dir", str(tmp_path)])
    assert outcome.exit_code == 1
    assert "line 3: dst: is the same as src" in outcome.stderr
