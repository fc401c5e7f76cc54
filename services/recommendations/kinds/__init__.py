"""The kinds of introduction, one module each, and the one table that lists them."""

from __future__ import annotations

from collections.abc import Mapping

from services.recommendations.domain.kinds import Kind
from services.recommendations.kinds.peer import PEER
from services.recommendations.kinds.recipe import Recipe

RECIPES: Mapping[Kind, Recipe] = {recipe.kind: recipe for recipe in (PEER,)}

__all__ = ["RECIPES", "Recipe"]
