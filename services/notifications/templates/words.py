"""Reasons and questions as sentences. No sentence names a third person, a source, a count or a time."""

from __future__ import annotations

from collections.abc import Sequence

from services.notifications.domain import Reason

SENTENCES = {
    "shared_field": "You both work in {values}.",
    "shared_skill": "You both know {values}.",
    "shared_interest": "You share an interest outside work: {values}.",
    "shared_offer": "You both help others with {values}.",
    "same_site": "You both work at {values}.",
    "same_city": "You both work in {values}.",
    "shared_language": "You share a language: {values}.",
    "same_past_unit": "You have both worked in {values}.",
    "same_unit": "You both belong to {values}.",
    "took_part_together": "You have both taken part in the same {values}.",
    "colleagues_in_common": "You have several colleagues in common.",
    "outside_usual_circle": "You work outside each other's usual circle.",
    "not_in_touch_yet": "You have not been in touch yet.",
}

OCCASIONS = {
    "meeting": "meeting", "mail": "conversation", "event": "event", "course": "course", "call": "call",
    "work": "piece of work",
}  # fmt: skip

LANGUAGES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fi": "Finnish", "fr": "French", "hi": "Hindi", "hu": "Hungarian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


def enumerate_words(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]


def unit_name(path: str) -> str:
    """The innermost unit of a path."""
    return path.rpartition("/")[2]


def sentence(reason: Reason) -> str:
    """A reason as one sentence; empty for a type this version has no words for."""
    template = SENTENCES.get(reason.type, "")
    values: Sequence[str] = reason.values
    if reason.type == "shared_language":
        values = [LANGUAGES.get(value.partition("-")[0].lower(), value) for value in values]
    elif reason.type == "took_part_together":
        values = [OCCASIONS.get(value, "occasion") for value in values] or ["occasion"]
    elif reason.type in {"same_unit", "same_past_unit"}:
        values = [unit_name(value) for value in values]
    if "{values}" in template and not values:
        return ""
    return template.format(values=enumerate_words(values))
