"""The figures of ranked lists against what happened next: MAP@10 and its company, with an interval over people."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.recommendations.graph.compiled import FloatArray

TOP = 10
DRAWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Means over all (person, window) with at least one true first contact; `map10_interval` is the 95 % bootstrap
    interval over people; `coverage` and `exposure_gini` are over everybody ever seen; `cross_group_share` is that of
    the suggestions whose both groups are known, None without labels."""

    queries: int
    people: int
    hit10: float
    recall10: float
    ndcg10: float
    map10: float
    map10_interval: tuple[float, float]
    coverage: float
    exposure_gini: float
    cross_group_share: float | None


@dataclass(frozen=True, slots=True)
class Question:
    """One person in one window: the list answered, and whom the person really met."""

    person: str
    answer: Sequence[str]
    wanted: set[str]


def figures_of(questions: Sequence[Question], everybody: Sequence[str], groups: Mapping[str, str]) -> Figures:
    """Raises ValueError without any question."""
    values = np.array([_figures_of_one(question) for question in questions], np.float64)
    exposure = Counter(candidate for question in questions for candidate in question.answer)
    crossing = [
        groups[question.person] != groups[candidate]
        for question in questions
        for candidate in question.answer
        if question.person in groups and candidate in groups
    ]
    counts = np.sort(np.array([exposure[person] for person in everybody], np.float64))
    ranks = 2 * np.arange(1, len(counts) + 1) - len(counts) - 1
    hit, recall, precision, gain = values.mean(0).tolist()
    asked = np.array([question.person for question in questions])
    return Figures(
        queries=len(questions),
        people=len(set(asked.tolist())),
        hit10=round(hit, 4),
        recall10=round(recall, 4),
        ndcg10=round(gain, 4),
        map10=round(precision, 4),
        map10_interval=_interval(values[:, 2], asked.tolist()),
        coverage=round(float((counts > 0).mean()), 4),
        exposure_gini=round(float(ranks @ counts / (len(counts) * max(counts.sum(), 1))), 4),
        cross_group_share=round(sum(crossing) / len(crossing), 4) if crossing else None,
    )


def _figures_of_one(question: Question) -> tuple[float, float, float, float]:
    """Hit, recall, average precision, normalised discounted gain of one list of at most TOP."""
    hits, precision, gain = 0, 0.0, 0.0
    for rank, candidate in enumerate(question.answer, 1):
        if candidate in question.wanted:
            hits += 1
            precision += hits / rank
            gain += 1 / math.log2(rank + 1)
    most = min(len(question.wanted), TOP)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, most + 1))
    return float(hits > 0), hits / len(question.wanted), precision / most, gain / ideal


def _interval(values: FloatArray, people: Sequence[str]) -> tuple[float, float]:
    _, inverse = np.unique(np.array(people), return_inverse=True)
    size = int(inverse.max()) + 1
    weights = np.random.default_rng(1).multinomial(size, np.full(size, 1 / size), size=DRAWS)[:, inverse]
    means = (weights @ values) / weights.sum(1)
    low, high = np.percentile(means, (2.5, 97.5)).tolist()
    return round(low, 4), round(high, 4)
