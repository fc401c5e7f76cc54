"""`acquaint topics`, `consumers` and `sources`: what an operator sets up and puts right."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from acquaint.interactions.v1 import events_pb2 as interactions
from acquaint.interactions.v1 import source_pb2, source_service_pb2
from acquaint.notifications.v1 import events_pb2 as notifications
from acquaint.operations.v1 import operations_service_pb2
from acquaint.profiles.v1 import events_pb2 as profiles
from acquaint.recommendations.v1 import events_pb2 as recommendations

from services.cli.connection import clients, find, remote_settings
from services.cli.output import AsJson, CommandFailed, DataDir, plain, print_json, print_table, run
from services.platform.errors import DependencyUnavailable
from services.platform.topics import PartitionsDiffer, Topic, declared, ensure

topics_app = typer.Typer(help="The table of topics.", no_args_is_help=True)
consumers_app = typer.Typer(help="The consumers of the services.", no_args_is_help=True)
sources_app = typer.Typer(help="The registered sources of interactions.", no_args_is_help=True)


def table() -> dict[str, Topic]:
    """Every topic of the four services by name."""
    return dict(declared(*(each.DESCRIPTOR for each in (profiles, interactions, recommendations, notifications))))


@topics_app.command("list")
def list_topics(as_json: AsJson = False) -> None:
    """Print the table of topics."""
    rows = [
        {
            "topic": topic.name,
            "written_by": topic.writer or "other systems",
            "key": topic.key,
            "kept": "compacted" if topic.compacted else f"{topic.retention.days if topic.retention else 0} days",
            "partitions": topic.partitions,
            "read_by": list(topic.readers),
            "integration": topic.integration,
        }
        for topic in table().values()
    ]
    if as_json:
        print_json(rows)
    else:
        cells = [(r["topic"], r["written_by"], r["key"], r["kept"], r["partitions"], r["read_by"]) for r in rows]
        print_table("topics", ["topic", "written by", "key", "kept", "partitions", "read by"], cells)


@topics_app.command("ensure")
def ensure_topics(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Create what is missing on the broker that ACQUAINT_KAFKA__BOOTSTRAP, or else the local stack, names."""

    async def body() -> None:
        named = data_dir is None and "ACQUAINT_KAFKA__BOOTSTRAP" in os.environ
        kafka = remote_settings().kafka if named else find(data_dir).kafka
        try:
            await ensure(kafka, list(table().values()))
        except PartitionsDiffer as error:
            raise CommandFailed(str(error)) from None
        except (DependencyUnavailable, OSError) as error:
            raise CommandFailed(f"the broker at {kafka.bootstrap} does not answer: {error}") from None

    run(body())
    if as_json:
        print_json({"topics": list(table())})
    else:
        typer.echo(f"{len(table())} topics and their dead-letter topics are there")


@consumers_app.command("list")
def list_consumers(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show where every consumer stands."""

    async def body() -> list[dict[str, Any]]:
        rows = []
        async with clients(find(data_dir)) as stubs:
            for name, stub in stubs.operations.items():
                status = await stub.GetStatus(operations_service_pb2.GetStatusRequest())
                rows += [{"service": name, **plain(consumer)} for consumer in status.consumers]
        return rows

    rows = run(body())
    if as_json:
        print_json(rows)
    else:
        columns = ["service", "topic", "lag", "handled", "poison", "paused", "backing_off"]
        print_table("consumers", columns, [[row.get(column, 0) for column in columns] for row in rows])


@consumers_app.command("resume")
def resume(
    group: Annotated[str, typer.Argument(help="the consumer group, which is its service's name")],
    topic: Annotated[str, typer.Option("--topic", help="Only this topic.")] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a consumer go on that paused because too much could not be read."""

    async def body() -> None:
        async with clients(find(data_dir)) as stubs:
            if group not in stubs.operations:
                raise CommandFailed(f"there is no group {group!r}; there are: {', '.join(stubs.operations)}")
            request = operations_service_pb2.ResumeConsumerRequest(group=group, topic=topic)
            await stubs.operations[group].ResumeConsumer(request)

    run(body())
    if as_json:
        print_json({"group": group, "topic": topic, "resumed": True})
    else:
        typer.echo(f"{group} goes on")


def _show(source: source_pb2.Source, as_json: bool) -> None:
    if as_json:
        print_json(plain(source))
    else:
        state = "quarantined" if source.quarantined else "on" if source.enabled else "off"
        typer.echo(f"{source.source_id}: {state}; {source.purpose}")


@sources_app.command("list")
def list_sources(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show every registered source."""

    async def body() -> list[source_pb2.Source]:
        async with clients(find(data_dir)) as stubs:
            request = source_service_pb2.ListSourcesRequest(page_size=1000)
            return list((await stubs.sources.ListSources(request)).sources)

    found = run(body())
    if as_json:
        print_json([plain(source) for source in found])
        return
    rows = [(s.source_id, "on" if s.enabled else "off", "yes" if s.quarantined else "", s.purpose) for s in found]
    print_table("sources", ["source", "state", "quarantined", "purpose"], rows)


@sources_app.command("register")
def register(
    source: Annotated[str, typer.Argument(help="source_id")],
    purpose: Annotated[str, typer.Option("--purpose", help="What it is used for, in one sentence.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register a source."""

    async def body() -> source_pb2.Source:
        wanted = source_pb2.Source(source_id=source, purpose=purpose, enabled=True)
        async with clients(find(data_dir)) as stubs:
            request = source_service_pb2.RegisterSourceRequest(source=wanted)
            return (await stubs.sources.RegisterSource(request)).source

    _show(run(body()), as_json)


@sources_app.command("switch")
def switch(
    source: Annotated[str, typer.Argument(help="source_id")],
    state: Annotated[str, typer.Argument(help="on or off")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Switch a source on or off."""

    async def body() -> source_pb2.Source:
        if state not in {"on", "off"}:
            raise CommandFailed(f"{state!r}: say on or off")
        async with clients(find(data_dir)) as stubs:
            request = source_service_pb2.SwitchSourceRequest(source_id=source, enabled=state == "on")
            return (await stubs.sources.SwitchSource(request)).source

    _show(run(body()), as_json)


@sources_app.command("release")
def release(
    source: Annotated[str, typer.Argument(help="source_id")], data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """End a source's quarantine: what waits as dead letters is applied in order."""

    async def body() -> None:
        async with clients(find(data_dir)) as stubs:
            await stubs.sources.ReleaseSource(source_service_pb2.ReleaseSourceRequest(source_id=source))

    run(body())
    if as_json:
        print_json({"source_id": source, "released": True})
    else:
        typer.echo(f"{source} is released")
