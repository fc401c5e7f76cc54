"""The registered clients: what the environment lists and what the file of clients adds."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter

from services.platform.settings import AuthSettings, ClientGrant

_CLIENTS = TypeAdapter(dict[str, ClientGrant])


def registered_clients(settings: AuthSettings) -> Mapping[str, ClientGrant]:
    """Grants by client name; raises OSError if the file cannot be read, ValueError if it is wrong or repeats a name."""
    clients = dict(settings.clients)
    if settings.clients_file is not None:
        added = _CLIENTS.validate_json(settings.clients_file.read_bytes())
        if twice := sorted(clients.keys() & added.keys()):
            raise ValueError(f"clients registered twice: {', '.join(twice)}")
        clients |= added
    return clients
