"""Makes a graph from the journal alone, under the rules that the journal's own records end with."""

from __future__ import annotations

from services.recommendations.graph import Graph, GraphSettings
from services.recommendations.materialiser.folding import Journal, fold_journal
from services.recommendations.materialiser.records import Effects, Rules


async def build(
    journal: Journal, settings: GraphSettings, rules: Rules, *, next_offset: int | None
) -> tuple[Graph, Effects]:
    """The graph of the whole journal, and what its records ask for besides.

    `rules` are those known so far; where the journal changes them it is read once more, so that the same rules hold
    for all of it. Raises as `fold_journal`.
    """
    while True:
        graph = Graph(_with(settings, rules))
        # From the beginning the journal says itself which rules it ends with.
        effects = Effects(rules=Rules())
        await fold_journal(graph, rules, journal, effects)
        if effects.rules == rules:
            # The end was fixed before the first record was read: what a rewrite before it changed was changed already.
            graph.start_at(rewrite=effects.rewrite, next_offset=next_offset)
            return graph, effects
        rules = effects.rules


def _with(settings: GraphSettings, rules: Rules) -> GraphSettings:
    """The settings of a graph that is folded under these rules."""
    return GraphSettings(
        organisation=settings.organisation,
        half_life_days=settings.half_life_days,
        left_out_sources=rules.left_out,
    )
