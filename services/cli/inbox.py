"""`acquaint inbox` and `acquaint boundary`: what a person reads, and whom they never want to be matched with."""

from __future__ import annotations

from typing import Annotated

import typer
from acquaint.notifications.v1 import inbox_service_pb2, notification_pb2
from acquaint.profiles.v1 import boundary_service_pb2
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from services.cli.connection import clients, find
from services.cli.output import AsJson, DataDir, plain, print_json, run
from services.platform.rpc import acting_for

app = typer.Typer()
Person = Annotated[str, typer.Argument(help="person_id")]


@app.command()
def inbox(
    person: Person,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Most notifications.")] = 10,
    unread: Annotated[bool, typer.Option("--unread", help="Only what was not read.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Read a person's inbox, newest first."""

    async def body() -> list[notification_pb2.Notification]:
        request = inbox_service_pb2.ListNotificationsRequest(person_id=person, page_size=limit, unread_only=unread)
        async with clients(find(data_dir)) as stubs:
            response = await stubs.inbox.ListNotifications(request, metadata=acting_for(person))
            return list(response.notifications)

    found = run(body())
    if as_json:
        print_json([plain(notification) for notification in found])
        return
    console = Console(highlight=False)
    if not found:
        console.print(f"inbox of {escape(person)}: empty")
    for notification in found:
        sent = notification.sent_time.ToDatetime()
        foot = f"{sent:%Y-%m-%d %H:%M} UTC, introduction {notification.introduction_id}"
        question = ", waiting for an answer" if notification.open else ""
        panel = Panel(
            escape(notification.body.rstrip()),
            title=f"[bold]{escape(notification.title)}[/]",
            title_align="left",
            subtitle=escape(foot + question),
            subtitle_align="left",
        )
        console.print(panel)


@app.command()
def boundary(
    person: Person,
    other: Annotated[str, typer.Argument(help="person_id of whom never to be matched with")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the boundary away.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Set a private, silent boundary in a person's name: never match me with OTHER."""

    async def body() -> None:
        async with clients(find(data_dir)) as stubs:
            if remove:
                gone = boundary_service_pb2.RemoveBoundaryRequest(person_id=person, other_person_id=other)
                await stubs.boundaries.RemoveBoundary(gone, metadata=acting_for(person))
            else:
                request = boundary_service_pb2.SetBoundaryRequest(person_id=person, other_person_id=other)
                await stubs.boundaries.SetBoundary(request, metadata=acting_for(person))

    run(body())
    if as_json:
        print_json({"person_id": person, "other_person_id": other, "removed": remove})
    else:
        typer.echo("removed" if remove else "set; nobody is told")
