"""Rendering: a message and the people it speaks of become a title, plain text and HTML, and nothing is looked up.

Whoever was erased is "a former colleague"; names are resolved when read, so an erasure reaches what was already sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notifications.domain import Message, MessageType, Person, zone_or
from services.notifications.templates.words import enumerate_words, sentence, unit_name

FORMER = "a former colleague"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A notification in words; `title` is one line."""

    title: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One of the people a message speaks of, as the reader may see them."""

    name: str
    line: str
    photo_url: str


def card(person: Person) -> Card:
    """The person as visible to colleagues; nothing but "a former colleague" when erased."""
    if person.erased:
        return Card(name=FORMER, line="", photo_url="")
    parts = [person.title, unit_name(person.unit), person.city]
    return Card(
        name=one_line(person.name) or "a colleague",
        line=", ".join(one_line(part) for part in parts if part),
        photo_url=person.photo_url if person.photo_url.startswith("https://") else "",
    )


def one_line(text: str) -> str:
    """White space and control characters folded to single spaces: a name cannot break a header or a layout."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class Renderer:
    """Renders notifications; `organisation_zone` is for readers without a zone of their own."""

    def __init__(self, organisation_zone: ZoneInfo) -> None:
        self._zone = organisation_zone
        loader = PackageLoader("services.notifications.templates", ".")
        self._text = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self._html = Environment(
            loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
        )

    def render(self, message: Message, recipient: Person, people: Mapping[str, Person]) -> Rendered:
        """The message in the recipient's words.

        Args:
            message: what is to be said.
            recipient: who reads it; name, zone.
            people: the others by person_id; whoever is missing is "a colleague".
        """
        others = [card(people.get(id_, Person(person_id=id_))) for id_ in message.other_person_ids]
        names = enumerate_words([other.name for other in others])
        question = message.type is MessageType.INVITATION
        title = (
            f"Would you like to meet {names}?"
            if question
            else f"{names[:1].upper()}{names[1:]} would like to meet you too"
        )
        zone = zone_or(recipient.time_zone, self._zone)
        facts = {
            "title": title,
            "language": "en",
            "reader": one_line(recipient.name) if not recipient.erased else "",
            "names": names,
            "others": others,
            "reasons": [text for text in (sentence(reason) for reason in message.reasons) if text],
            "starters": [one_line(starter) for starter in message.starters],
            "until": f"{message.expire_time.astimezone(zone):%A, %-d %B}" if message.expire_time else "",
        }
        name = message.type.value
        return Rendered(
            title=title,
            text=self._text.get_template(f"{name}.txt").render(facts),
            html=self._html.get_template(f"{name}.html").render(facts),
        )
