"""`acquaint bench`: lists and runs what is in the checkout's `benchmarks/`, each in a process of its own."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import AsJson, fail, print_json, print_table

app = typer.Typer()
CHECKOUT = Path(__file__).resolve().parents[2]


def benchmarks() -> dict[str, str]:
    """Name and first line of the description of every benchmark of the checkout; empty without a checkout."""
    found = {}
    for path in sorted((CHECKOUT / "benchmarks").glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        found[path.stem] = text.partition("\n")[0]
    return found


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; without: list them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run benchmarks and print their figures with the ratios to raw limits measured in the same run."""
    known = benchmarks()
    if not known:
        fail("benchmarks are part of the checkout, not of the installed package")
    if not names:
        if as_json:
            print_json(known)
        else:
            print_table("benchmarks", ["name", "what it measures"], list(known.items()))
        return
    for name in names:
        if name not in known:
            fail(f"there is no benchmark {name!r}; there are: {', '.join(known)}")
    results = {}
    for name in names:
        command = [sys.executable, "-m", f"benchmarks.{name}", *(["--json"] if as_json else [])]
        done = subprocess.run(
            command, cwd=CHECKOUT, stdout=subprocess.PIPE if as_json else None, text=True, check=False
        )
        if done.returncode:
            fail(f"the benchmark {name} ended with exit code {done.returncode}")
        if as_json:
            results[name] = json.loads(done.stdout)
    if as_json:
        print_json(results)
