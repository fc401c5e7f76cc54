"""Documents ⇄ people and boundaries; the specification of every collection and index of this service."""

from services.profiles.store.boundaries import Boundaries
from services.profiles.store.people import Erased, Found, IdentityKey, IdentityKeyChanged, People, Person, identity_keys
from services.profiles.store.specs import SPECS

__all__ = [
    "SPECS",
    "Boundaries",
    "Erased",
    "Found",
    "IdentityKey",
    "IdentityKeyChanged",
    "People",
    "Person",
    "identity_keys",
]
