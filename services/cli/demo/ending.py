"""What to try next, with the names, ids and process numbers of this very run."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from services.cli.demo.tale import Tale
from services.devstack.state import StackState

KILLED = "recommendations"


def program() -> str:
    """How the command is called from here."""
    own = Path(sys.argv[0])
    if own.name != "acquaint":
        return f"{os.path.relpath(sys.executable)} -m services.cli"
    on_path = shutil.which("acquaint")
    return "acquaint" if on_path and Path(on_path).samefile(own) else os.path.relpath(own)


def tries(tale: Tale, state: StackState, data_dir: Path) -> list[tuple[str, str]]:
    """Six commands, each with what it shows."""
    person = tale.newcomer
    name, called = person.name, program()
    where = f"--data-dir {shown(data_dir)}"
    found = [(f"{called} suggest {person.person_id} {where}", f"whom {name} might meet, and why")]
    if (question := tale.held.open_question) is not None:
        other, introduction = question.other_id, question.introduction.introduction_id
        look = f"{called} introductions {other} {where}"
        decline = f"{called} respond {person.person_id} {introduction} decline {where}"
        found += [
            (f"{called} inbox {person.person_id} {where}", f"what {name} has in the inbox, one question open"),
            (f"{look}; {decline}; {look}", f"say no for {name}: what {tale.name(other)} sees stays as it was"),
        ]
    (process,) = (child.process for child in state.children if child.name == KILLED)
    stranger = tale.organisation.members[0].person_id
    found += [
        (
            f"{called} boundary {person.person_id} {stranger} {where}",
            f"never match {name} with {tale.name(stranger)}; nobody is told",
        ),
        (f"{called} ties {person.person_id} {where}", f"the ties of {name}, folded from what was recorded"),
    ]
    if process is not None:
        back = f"until {called} status {where} >/dev/null; do sleep 1; done"
        kill = f"kill -9 {process.pid}; {back}; {called} verify {where}"
        found.append((kill, f"kill the {KILLED} service: it comes back, nothing is lost"))
    return found


def shown(data_dir: Path) -> str:
    """The directory as short as it can be said from here."""
    relative = os.path.relpath(data_dir)
    return relative if len(relative) < len(str(data_dir)) else str(data_dir)


def say(console: Console, tale: Tale, state: StackState, data_dir: Path) -> None:
    """Prints what to try, and how to stop."""
    console.print("\n[bold]The stack runs on. Try:[/]")
    for command, what in tries(tale, state, data_dir):
        console.print(f"  [dim]# {escape(what)}[/]", soft_wrap=True)
        console.print(f"  {escape(command)}", soft_wrap=True)
    console.print(f"\n[bold]Stop it:[/] {escape(program())} down --data-dir {escape(shown(data_dir))}", soft_wrap=True)
