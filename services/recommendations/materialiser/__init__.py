"""The graph as a materialised view: what the journal holds, folded once and in order, on every replica alike."""

from __future__ import annotations

from services.recommendations.materialiser.folding import Journal
from services.recommendations.materialiser.materialiser import Materialiser
from services.recommendations.materialiser.progress import Progress
from services.recommendations.materialiser.saves import Saves

__all__ = ["Journal", "Materialiser", "Progress", "Saves"]
