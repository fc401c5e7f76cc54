"""The main job on the real parts: interactions come in, become a graph, become introductions, and reach people.

The tests of this file follow one another: each goes on from where the one before left the organisation.
"""

from __future__ import annotations

import copy
from typing import Any

from services.platform.testing import eventually
from tests.e2e.command import Acquaint
from tests.e2e.organisation import Files

NOTICE = ("--join-after-notice", "intranet", "--informed-at", "2026-01-05T09:00:00")


async def open_questions(acquaint: Acquaint, person: str) -> list[dict[str, Any]]:
    return [entry for entry in await acquaint.json("inbox", person) if entry.get("open")]


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
    for person in files.ids[:6]:
        answer = await acquaint.json("suggest", person, "--limit", "5")
        suggestions = answer["suggestions"]
        assert suggestions
        assert all(suggestion["reasons"] for suggestion in suggestions)
        known = {tie["person_id"] for tie in (await acquaint.json("ties", person)).get("ties", [])}
        assert not known & {suggestion["person_id"] for suggestion in suggestions}


async def test_in_the_mode_shadow_proposals_are_shown_to_operators_and_nobody_is_asked(
    acquaint: Acquaint, files: Files
) -> None:
    assert (await acquaint.json("launch"))["mode"] == "shadow"
    await acquaint.json("plan")

    async def proposed() -> bool:
        return bool(await acquaint.json("introductions"))

    await eventually(proposed, timeout=30, what="a proposal")
    for person in files.ids[:10]:
        assert await acquaint.json("inbox", person) == []


async def test_in_the_mode_on_both_are_asked_and_a_yes_of_both_makes_the_introduction(
    acquaint: Acquaint, files: Files
) -> None:
    await acquaint.json("launch", "on")
    await acquaint.json("plan")
    asked: dict[str, Any] = {}

    async def somebody_asked() -> bool:
        for person in files.ids[:20]:
            if found := await open_questions(acquaint, person):
                asked.update(person=person, question=found[0])
                return True
        return False

    await eventually(somebody_asked, timeout=60, what="an invitation in an inbox")
    person, introduction = asked["person"], asked["question"]["introduction_id"]
    assert "Would you like to meet" in asked["question"]["title"]
    (seen,) = [i for i in await acquaint.json("introductions", person) if i["introduction_id"] == introduction]
    assert seen["reasons"]
    (other,) = [p["person_id"] for p in seen["participants"] if p["person_id"] != person]
    before = await view(acquaint, other, introduction)
    await acquaint.json("respond", person, introduction, "accept")
    assert await view(acquaint, other, introduction) == before, "the first yes shows nothing to the other"
    made = await acquaint.json("respond", other, introduction, "accept")
    assert made["state"] == "INTRODUCTION_STATE_MADE"

    async def both_told() -> bool:
        titles = [[entry["title"] for entry in await acquaint.json("inbox", each)] for each in (person, other)]
        return all(any("would like to meet you too" in title for title in inbox) for inbox in titles)

    await eventually(both_told, timeout=30, what="the news in both inboxes")


async def view(acquaint: Acquaint, person: str, introduction: str) -> dict[str, Any]:
    """All that one participant can see of an introduction."""
    found = await acquaint.json("introductions", person)
    (seen,) = [each for each in found if each["introduction_id"] == introduction]
    inbox = [entry for entry in await acquaint.json("inbox", person) if entry["introduction_id"] == introduction]
    return copy.deepcopy({"introduction": seen, "inbox": inbox})


async def open_pair(acquaint: Acquaint, files: Files) -> tuple[str, str, str]:
    """Two people who are both asked about the same introduction and have not answered."""
    found: list[tuple[str, str, str]] = []

    async def there_is_one() -> bool:
        for person in files.ids:
            for question in await open_questions(acquaint, person):
                introduction = question["introduction_id"]
                seen = (await view(acquaint, person, introduction))["introduction"]
                mine = {p["person_id"]: p.get("invitation") for p in seen["participants"]}
                (other,) = [each for each in mine if each != person]
                if mine[person] == "INVITATION_STATE_OPEN" and any(
                    entry["introduction_id"] == introduction for entry in await open_questions(acquaint, other)
                ):
                    found.append((person, other, introduction))
                    return True
        return False

    await eventually(there_is_one, timeout=60, what="a pair of open invitations")
    return found[0]


async def test_a_decline_shows_nothing_to_the_other_side(acquaint: Acquaint, files: Files) -> None:
    person, other, introduction = await open_pair(acquaint, files)
    before = await view(acquaint, other, introduction)
    await acquaint.json("respond", person, introduction, "decline")
    assert await view(acquaint, other, introduction) == before
    refused = await acquaint("respond", person, introduction, "accept", code=1)
    assert "INVITATION_CLOSED" in refused.err


async def test_a_boundary_ends_an_open_introduction_without_a_sign_and_holds_afterwards(
    acquaint: Acquaint, files: Files
) -> None:
    person, other, introduction = await open_pair(acquaint, files)
    before = await view(acquaint, other, introduction)
    await acquaint.json("boundary", person, other)
    answer = await acquaint.json("respond", other, introduction, "accept")
    assert answer["state"] == "INTRODUCTION_STATE_INVITED", "a yes is taken as at any other time"
    assert before["introduction"]["state"] == "INTRODUCTION_STATE_INVITED"

    async def hidden() -> bool:
        lists = [await acquaint.json("suggest", each, "--limit", "100") for each in (person, other)]
        ids = [{s["person_id"] for s in answer.get("suggestions", [])} for answer in lists]
        return other not in ids[0] and person not in ids[1]

    await eventually(hidden, timeout=20, what="both hidden from one another")


async def test_after_all_of_this_every_store_agrees(acquaint: Acquaint, files: Files) -> None:
    verified = await acquaint.json("verify")
    assert verified["clean"], verified
    assert verified["held"]["messages"] > 0
