"""Reasons: typed evidence that is true and that both may see, without count, time, source or third party."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReasonType(StrEnum):
    """What kind of evidence a reason is; the names are those of the published enum."""

    SHARED_FIELD = "shared_field"
    SHARED_SKILL = "shared_skill"
    SHARED_INTEREST = "shared_interest"
    SAME_SITE = "same_site"
    SAME_CITY = "same_city"
    SHARED_LANGUAGE = "shared_language"
    SAME_PAST_UNIT = "same_past_unit"
    TOOK_PART_TOGETHER = "took_part_together"
    COLLEAGUES_IN_COMMON = "colleagues_in_common"
    OUTSIDE_USUAL_CIRCLE = "outside_usual_circle"
    NOT_IN_TOUCH_YET = "not_in_touch_yet"
    SAME_UNIT = "same_unit"
    SHARED_OFFER = "shared_offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One piece of evidence; `values` are the attribute values it speaks of, none where the type says it all."""

    type: ReasonType
    values: tuple[str, ...] = ()
