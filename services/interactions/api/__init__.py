"""The service's gRPC face: messages ⇄ domain, and nothing else."""

from services.interactions.api.interactions import InteractionServicer
from services.interactions.api.sources import SourceServicer

__all__ = ["InteractionServicer", "SourceServicer"]
