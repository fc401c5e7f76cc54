"""`acquaint suggest`, `introductions`, `respond`, `ties`, `launch` and `plan`: what recommendations shows and takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from acquaint.profiles.v1 import profile_service_pb2
from acquaint.recommendations.v1 import introduction_pb2, introduction_service_pb2, network_service_pb2

from services.cli.connection import Clients, clients, find
from services.cli.output import AsJson, CommandFailed, DataDir, plain, print_json, print_table, run
from services.platform.rpc import acting_for

app = typer.Typer()
Person = Annotated[str, typer.Argument(help="person_id")]
PAGE = 1000


def words(reasons: Sequence[introduction_pb2.Reason]) -> str:
    """Reasons as a short line."""
    parts = []
    for reason in reasons:
        name = introduction_pb2.ReasonType.Name(reason.type).removeprefix("REASON_TYPE_").lower().replace("_", " ")
        parts.append(f"{name}: {', '.join(reason.values)}" if reason.values else name)
    return "; ".join(parts)


async def names_of(stubs: Clients, person_ids: Sequence[str]) -> dict[str, str]:
    """The names of people by id, as colleagues see them; whoever has none is left out."""
    found: dict[str, str] = {}
    wanted = sorted(set(person_ids))
    for start in range(0, len(wanted), PAGE):
        request = profile_service_pb2.BatchGetProfilesRequest(person_ids=wanted[start : start + PAGE])
        response = await stubs.profiles.BatchGetProfiles(request)
        found |= {profile.person_id: profile.name for profile in response.profiles if profile.name}
    return found


def kind_of(text: str) -> introduction_pb2.Kind.ValueType:
    """The kind by its lower-case name. Raises CommandFailed naming those there are."""
    known = [name.removeprefix("KIND_").lower() for name in introduction_pb2.Kind.keys()[1:]]
    if text not in known:
        raise CommandFailed(f"--kind {text}: there is no such kind; there are: {', '.join(known)}")
    return introduction_pb2.Kind.Value(f"KIND_{text.upper()}")


@app.command()
def suggest(
    person: Person,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; may be repeated.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="Most suggestions.")] = 10,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Suggest people to meet, with the reasons both may see."""

    async def body() -> tuple[introduction_service_pb2.SuggestIntroductionsResponse, dict[str, str]]:
        request = introduction_service_pb2.SuggestIntroductionsRequest(
            person_id=person, kinds=[kind_of(each) for each in kind or ()], limit=limit
        )
        async with clients(find(data_dir)) as stubs:
            response = await stubs.introductions.SuggestIntroductions(request)
            return response, await names_of(stubs, [each.person_id for each in response.suggestions])

    response, names = run(body())
    if as_json:
        print_json(plain(response))
        return
    rows = [
        (each.rank, names.get(each.person_id, ""), each.person_id, words(each.reasons)) for each in response.suggestions
    ]
    print_table(f"suggestions for {person}", ["rank", "name", "person", "why"], rows)


@app.command()
def introductions(
    person: Annotated[str | None, typer.Argument(help="person_id; without: proposals that nobody was asked")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most introductions.")] = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """A person's introductions as they see them; without a person: what the mode shadow would have asked."""

    async def body() -> tuple[list[introduction_pb2.Introduction], dict[str, str]]:
        found: list[introduction_pb2.Introduction] = []
        token = ""
        async with clients(find(data_dir)) as stubs:
            while len(found) < limit:
                size = min(PAGE, limit - len(found))
                if person is None:
                    request = introduction_service_pb2.ListProposalsRequest(page_size=size, page_token=token)
                    page: Any = await stubs.introductions.ListProposals(request)
                else:
                    own = introduction_service_pb2.ListIntroductionsRequest(
                        person_id=person, page_size=size, page_token=token
                    )
                    page = await stubs.introductions.ListIntroductions(own, metadata=acting_for(person))
                found += page.introductions
                token = page.next_page_token
                if not token:
                    break
            ids = [each.person_id for introduction in found for each in introduction.participants]
            return found, await names_of(stubs, ids)

    found, names = run(body())
    if as_json:
        print_json([plain(introduction) for introduction in found])
        return
    rows = [
        (
            introduction.introduction_id,
            introduction_pb2.IntroductionState.Name(introduction.state).removeprefix("INTRODUCTION_STATE_").lower(),
            ", ".join(names.get(p.person_id, p.person_id) for p in introduction.participants if p.person_id != person),
            words(introduction.reasons),
        )
        for introduction in found
    ]
    title = f"introductions of {person}" if person else "proposals (nobody was asked)"
    print_table(title, ["introduction", "state", "with", "why"], rows)


ANSWERS = {
    "accept": introduction_service_pb2.ANSWER_ACCEPT,
    "decline": introduction_service_pb2.ANSWER_DECLINE,
    "later": introduction_service_pb2.ANSWER_LATER,
}


@app.command()
def respond(
    person: Person,
    introduction: Annotated[str, typer.Argument(help="introduction_id")],
    answer: Annotated[str, typer.Argument(help="accept, decline or later")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Answer an invitation in a person's name."""

    async def body() -> introduction_pb2.Introduction:
        if answer not in ANSWERS:
            raise CommandFailed(f"{answer!r} is no answer; say {', '.join(ANSWERS)}")
        request = introduction_service_pb2.RespondToInvitationRequest(
            introduction_id=introduction, person_id=person, answer=ANSWERS[answer]
        )
        async with clients(find(data_dir)) as stubs:
            response = await stubs.introductions.RespondToInvitation(request, metadata=acting_for(person))
            return response.introduction

    result = run(body())
    if as_json:
        print_json(plain(result))
        return
    state = introduction_pb2.IntroductionState.Name(result.state).removeprefix("INTRODUCTION_STATE_").lower()
    typer.echo(f"{introduction}: {state}, as {person} sees it")


@app.command()
def ties(person: Person, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """A person's own ties, strongest first."""

    async def body() -> tuple[network_service_pb2.ListTiesResponse, dict[str, str]]:
        async with clients(find(data_dir)) as stubs:
            request = network_service_pb2.ListTiesRequest(person_id=person)
            response = await stubs.network.ListTies(request, metadata=acting_for(person))
            return response, await names_of(stubs, [tie.person_id for tie in response.ties])

    response, names = run(body())
    if as_json:
        print_json(plain(response))
        return
    rows = [
        (names.get(tie.person_id, ""), tie.person_id, f"{tie.strength:.2f}", tie.last_contact_time.ToDatetime().date())
        for tie in response.ties
    ]
    print_table(f"ties of {person}", ["name", "person", "strength", "last contact"], rows)


@app.command()
def launch(
    mode: Annotated[str | None, typer.Argument(help="off, shadow or on; without: show it")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show or set how far the planner goes: off, shadow (nobody is asked) or on."""

    async def body() -> introduction_pb2.LaunchMode.ValueType:
        async with clients(find(data_dir)) as stubs:
            if mode is None:
                present = await stubs.introductions.GetLaunchMode(introduction_service_pb2.GetLaunchModeRequest())
                return present.mode
            name = f"LAUNCH_MODE_{mode.upper()}"
            if mode not in {"off", "shadow", "on"}:
                raise CommandFailed(f"{mode!r} is no launch mode; say off, shadow or on")
            request = introduction_service_pb2.SetLaunchModeRequest(mode=introduction_pb2.LaunchMode.Value(name))
            return (await stubs.introductions.SetLaunchMode(request)).mode

    text = introduction_pb2.LaunchMode.Name(run(body())).removeprefix("LAUNCH_MODE_").lower()
    if as_json:
        print_json({"mode": text})
    else:
        typer.echo(f"launch mode: {text}")


@app.command()
def plan(
    people: Annotated[list[str] | None, typer.Argument(help="person_ids; everybody who joined without")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Have the planner consider people now rather than when due, within every cap."""

    async def body() -> int:
        async with clients(find(data_dir)) as stubs:
            request = introduction_service_pb2.PlanNowRequest(person_ids=people or [])
            return (await stubs.introductions.PlanNow(request)).due

    due = run(body())
    if as_json:
        print_json({"due": due})
    else:
        typer.echo(f"{due} people are due")
