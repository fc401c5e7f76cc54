"""The process behind `acquaint up --detach`: the stack of one data directory, its news on standard output."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from services.devstack.errors import DevstackError
from services.devstack.serve import serve
from services.devstack.service import SERVICES
from services.devstack.supervisor import Report, StackOptions


def main(arguments: list[str]) -> int:
    """Exit code 0 after an orderly stop, 1 with one sentence when the stack could not start."""
    parser = argparse.ArgumentParser(prog="python -m services.devstack", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--mongo-members", type=int, choices=(1, 3), default=1)
    parser.add_argument("--no-restart", action="store_true")
    parser.add_argument("--service", action="append", metavar="NAME=MODULE", help="run these instead of the four")
    given = parser.parse_args(arguments)
    chosen = dict(text.split("=", 1) for text in given.service or ())
    options = StackOptions(
        data_dir=given.data_dir,
        members=given.mongo_members,
        restart=not given.no_restart,
        services=[replace(spec, module=chosen[spec.name]) for spec in SERVICES if spec.name in chosen] or SERVICES,
    )
    report = Report(say=print, log=lambda _, __: None)
    try:
        asyncio.run(serve(options, report, ready=lambda _: None))
    except DevstackError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
