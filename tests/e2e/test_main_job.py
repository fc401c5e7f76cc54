"""The main job on the real parts: interactions come in, become a graph, become introductions, and reach people.

The tests of this file follow one another: each goes on from where the one before left the organisation.
"""

from __future__ import annotations

from typing import Any

from acquaint.notifications.v1.inbox_service_pb2 import ListNotificationsRequest
from acquaint.recommendations.v1.introduction_service_pb2 import (
    GetIntroductionRequest,
    ListProposalsRequest,
    SuggestIntroductionsRequest,
)

from services.cli.connection import Clients
from services.cli.output import plain
from services.platform.rpc import acting_for
from services.platform.testing import eventually
from tests.e2e.command import Acquaint
from tests.e2e.organisation import Files

NOTICE = ("--join-after-notice", "intranet", "--informed-at", "2026-01-05T09:00:00")


async def inbox(stubs: Clients, person: str) -> list[dict[str, Any]]:
    """A person's inbox as data."""
    request = ListNotificationsRequest(person_id=person)
    response = await stubs.inbox.ListNotifications(request, metadata=acting_for(person))
    return [plain(entry) for entry in response.notifications]


async def open_questions(stubs: Clients, person: str) -> list[dict[str, Any]]:
    return [entry for entry in await inbox(stubs, person) if entry.get("open")]


async def view(stubs: Clients, person: str, introduction: str) -> dict[str, Any]:
    """All that one participant can see of an introduction."""
    request = GetIntroductionRequest(introduction_id=introduction, person_id=person)
    response = await stubs.introductions.GetIntroduction(request, metadata=acting_for(person))
    entries = [entry for entry in await inbox(stubs, person) if entry["introduction_id"] == introduction]
    return {"introduction": plain(response.introduction), "inbox": entries}


async def suggested(stubs: Clients, person: str) -> set[str]:
    """Everybody on a person's list of a hundred."""
    request = SuggestIntroductionsRequest(person_id=person, limit=100)
    return {each.person_id for each in (await stubs.introductions.SuggestIntroductions(request)).suggestions}


async def test_people_are_imported_once_and_a_bad_row_is_named_while_the_good_ones_are_loaded(
    acquaint: Acquaint, files: Files
) -> None:
    with files.people.open("a") as file:
        file.write("bad,Name bad,Engineer,Ops,Quay 1,Oslo,Mars/Olympus,steel,bad@example.org\n")
    first = await acquaint.json("import", str(files.people), *NOTICE, code=1)
    assert first["created"] == len(files.ids)
    assert first["joined"] == len(files.ids)
    (error,) = first["errors"]
    assert error["line"] == len(files.ids) + 2
    assert "time_zone" in error["error"]
    again = await acquaint.json("import", str(files.people), *NOTICE, code=1)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, len(files.ids))


async def test_a_replay_is_stored_published_and_folded_and_a_second_one_adds_nothing(
    acquaint: Acquaint, files: Files
) -> None:
    first = await acquaint.json("replay", str(files.events), "--labels", str(files.labels))
    assert first["events"] == first["accepted"] == files.rows
    assert first["interactions"] == files.mails
    second = await acquaint.json("replay", str(files.events), "--labels", str(files.labels))
    assert (second["accepted"], second["duplicates"]) == (0, files.rows)
    verified = await acquaint.json("verify")
    assert verified["clean"], verified
    assert {verified["held"][store] for store in ("documents", "journal", "topic", "graph")} == {files.mails}


async def test_everybody_gets_suggestions_with_a_reason_each_and_nobody_they_know(
    acquaint: Acquaint, files: Files
) -> None:
    for person in files.ids[:2]:
        answer = await acquaint.json("suggest", person, "--limit", "5")
        suggestions = answer["suggestions"]
        assert suggestions
        assert all(suggestion["reasons"] for suggestion in suggestions)
        known = {tie["person_id"] for tie in (await acquaint.json("ties", person)).get("ties", [])}
        assert not known & {suggestion["person_id"] for suggestion in suggestions}


async def test_in_the_mode_shadow_proposals_are_shown_to_operators_and_nobody_is_asked(
    acquaint: Acquaint, stubs: Clients, files: Files
) -> None:
    assert (await acquaint.json("launch"))["mode"] == "shadow"
    await acquaint.json("plan")

    async def proposed() -> bool:
        return bool((await stubs.introductions.ListProposals(ListProposalsRequest())).introductions)

    await eventually(proposed, timeout=30, what="a proposal")
    assert await acquaint.json("introductions")
    for person in files.ids:
        assert await inbox(stubs, person) == []


async def open_pair(stubs: Clients, files: Files) -> tuple[str, str, str]:
    """Two people who are both asked about the same introduction and have not answered."""
    found: list[tuple[str, str, str]] = []

    async def there_is_one() -> bool:
        asked = {person: await open_questions(stubs, person) for person in files.ids}
        for person, questions in asked.items():
            for question in questions:
                introduction = question["introduction_id"]
                participants = (await view(stubs, person, introduction))["introduction"]["participants"]
                (other,) = [p["person_id"] for p in participants if p["person_id"] != person]
                if any(each["introduction_id"] == introduction for each in asked[other]):
                    found.append((person, other, introduction))
                    return True
        return False

    await eventually(there_is_one, timeout=60, what="a pair of open invitations")
    return found[0]


async def test_in_the_mode_on_both_are_asked_and_a_yes_of_both_makes_the_introduction(
    acquaint: Acquaint, stubs: Clients, files: Files
) -> None:
    await acquaint.json("launch", "on")
    await acquaint.json("plan")
    person, other, introduction = await open_pair(stubs, files)
    (question,) = [e for e in await acquaint.json("inbox", person) if e["introduction_id"] == introduction]
    assert "Would you like to meet" in question["title"]
    assert (await view(stubs, person, introduction))["introduction"]["reasons"]
    before = await view(stubs, other, introduction)
    await acquaint.json("respond", person, introduction, "accept")
    assert await view(stubs, other, introduction) == before, "the first yes shows nothing to the other"
    made = await acquaint.json("respond", other, introduction, "accept")
    assert made["state"] == "INTRODUCTION_STATE_MADE"

    async def both_told() -> bool:
        titles = [[entry["title"] for entry in await inbox(stubs, each)] for each in (person, other)]
        return all(any("would like to meet you too" in title for title in each) for each in titles)

    await eventually(both_told, timeout=30, what="the news in both inboxes")


async def test_a_decline_shows_nothing_to_the_other_side(acquaint: Acquaint, stubs: Clients, files: Files) -> None:
    person, other, introduction = await open_pair(stubs, files)
    before = await view(stubs, other, introduction)
    await acquaint.json("respond", person, introduction, "decline")
    assert await view(stubs, other, introduction) == before
    refused = await acquaint("respond", person, introduction, "accept", code=1)
    assert "INVITATION_CLOSED" in refused.err


async def test_a_boundary_ends_an_open_introduction_without_a_sign_and_holds_afterwards(
    acquaint: Acquaint, stubs: Clients, files: Files
) -> None:
    person, other, introduction = await open_pair(stubs, files)
    before = await view(stubs, other, introduction)
    await acquaint.json("boundary", person, other)
    assert await view(stubs, other, introduction) == before
    answer = await acquaint.json("respond", other, introduction, "accept")
    assert answer["state"] == "INTRODUCTION_STATE_INVITED", "a yes is taken as at any other time"

    async def hidden() -> bool:
        return other not in await suggested(stubs, person) and person not in await suggested(stubs, other)

    await eventually(hidden, timeout=20, what="both hidden from one another")


async def test_after_all_of_this_every_store_agrees(acquaint: Acquaint) -> None:
    verified = await acquaint.json("verify")
    assert verified["clean"], verified
    assert verified["held"]["messages"] > 0
