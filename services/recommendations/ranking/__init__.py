"""Who should meet whom: ranks candidates by what the graph tells, behind an interface that any ranker can fill."""

from __future__ import annotations

from services.recommendations.ranking.interface import Affinity, Candidate, Evidence, Ranker, Ranking
from services.recommendations.ranking.two_hop import RANKER_VERSION, TwoHopRanker, warm

__all__ = ["RANKER_VERSION", "Affinity", "Candidate", "Evidence", "Ranker", "Ranking", "TwoHopRanker", "warm"]
