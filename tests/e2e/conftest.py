"""One whole stack for all end-to-end tests: broker, database, four services as processes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.cli.connection import Clients, clients, find
from services.devstack.supervisor import Stack, StackOptions
from tests.e2e.command import Acquaint
from tests.e2e.organisation import Files, write


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A fresh stack; nothing that dies comes back by itself."""
    directory = tmp_path_factory.mktemp("stack")
    options = StackOptions(data_dir=directory, restart=False, usual_ports=False)
    async with Stack(options) as running:
        yield running


@pytest.fixture(scope="package")
def acquaint(stack: Stack) -> Acquaint:
    return Acquaint(data_dir=stack.data_dir)


@pytest.fixture(scope="package")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write(tmp_path_factory.mktemp("organisation"))


@pytest.fixture(scope="package")
async def stubs(stack: Stack) -> AsyncIterator[Clients]:
    """The services' stubs, for what is looked at again and again."""
    async with clients(find(stack.data_dir)) as opened:
        yield opened
