"""The caller of one call, as its token or certificate proves it and the settings grant it."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"
CLIENT = "client"
FACILITATOR = "facilitator"
OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls. A token that names a person acts for that person alone and has none of its client's grants."""

    client: str
    """Name of the calling client; empty if the token names none."""
    person: str | None = None
    """The person the token itself is for."""
    roles: frozenset[str] = frozenset()
    """Of: client, facilitator, operator."""
    acting_for: str | None = None
    """The person a registered client acts for in this call, with the grant to do so."""
    sources: frozenset[str] | None = frozenset()
    """Sources the client may write; None for any."""
    methods: frozenset[str] = frozenset()
    """Methods the client is allowed: `package.Service/Method`, `package.Service/*` or `*`."""
    people: frozenset[str] = frozenset()
    """Person ids the client may act for; `*` for anybody."""
    unrestricted: bool = False
    """Only where auth is disabled: anybody may do anything."""

    @property
    def acting_person(self) -> str | None:
        """The person in whose name the call is made, if any."""
        return self.person or self.acting_for

    @property
    def actor(self) -> str:
        """Who did it, for the history: both the person and the client that acted for them."""
        if self.person:
            return f"person:{self.person}"
        return f"client:{self.client} for person:{self.acting_for}" if self.acting_for else f"client:{self.client}"

    def may_act_for(self, person: str) -> bool:
        """Whether the caller is this person, or a client with the grant to act for them."""
        return self.unrestricted or person == self.person or ANY in self.people or person in self.people

    def may_write(self, source: str) -> bool:
        """Whether the client is granted this source of interactions, profiles or the like."""
        return self.sources is None or source in self.sources

    def may_call(self, method: str) -> bool:
        """Whether the client is granted `package.Service/Method`."""
        return ANY in self.methods or method in self.methods or f"{method.partition('/')[0]}/{ANY}" in self.methods
