"""What the interactions service keeps besides its journal: documents ⇄ domain, and the indexes they need."""

from services.interactions.store.erased import ErasedPeople
from services.interactions.store.interactions import InteractionStore, Place
from services.interactions.store.sources import SourceStore
from services.interactions.store.specs import SPECS

__all__ = ["ErasedPeople", "InteractionStore", "Place", "SPECS", "SourceStore"]
