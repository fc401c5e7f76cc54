"""How good the introductions would have been: "whom will this person meet for the first time next?", replayed.

A stream of t,src,dst goes through the fold and the ranker that serve requests. Cut times are those at which
30, 35, …, 95 % of the rows have happened; windows from 70 % on are reported (the earlier ones train and choose).
"""

from __future__ import annotations

from services.recommendations.ranking.evaluation.figures import Figures
from services.recommendations.ranking.evaluation.replay import EvaluationError, evaluate

__all__ = ["EvaluationError", "Figures", "evaluate"]
