"""What people read is plain, true and safe, whatever names and values hold."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from acquaint.recommendations.v1 import introduction_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain import Message, MessageType, Person, Reason
from services.notifications.templates import Rendered, Renderer
from services.notifications.templates.words import SENTENCES, sentence

RENDERER = Renderer(ZoneInfo("Europe/Berlin"))
READER = Person(person_id="ada", name="Ada", time_zone="America/New_York", known=True)
BO = Person(person_id="bo", name="Bo Lind", title="Buyer", unit="Ops/Purchasing/Metals", city="Oslo")


def message(type_: MessageType = MessageType.INVITATION, **changes: object) -> Message:
    values: dict[str, object] = {
        "event_id": "e1",
        "type": type_,
        "recipient_id": "ada",
        "introduction_id": "i1",
        "other_person_ids": ("bo",),
        "kind": "peer",
        "reasons": (Reason(type="shared_field", values=("logistics", "steel")),),
        "starters": ("How did you come to logistics?", "What would you change about steel?"),
        "expire_time": datetime(2026, 6, 5, 2, 0, tzinfo=UTC),
    }
    return Message(**(values | changes))  # type: ignore[arg-type]


def render(message_: Message, people: dict[str, Person] | None = None) -> Rendered:
    return RENDERER.render(message_, READER, people if people is not None else {"bo": BO})


def test_an_invitation_has_what_a_decision_needs() -> None:
    rendered = render(message())
    assert rendered.title == "Would you like to meet Bo Lind?"
    for form in (rendered.text, rendered.html):
        assert "Bo Lind" in form
        assert "Buyer, Metals, Oslo" in form
        assert "You both work in logistics and steel." in form
        assert "20 minutes" in form
        assert "Thursday, 4 June" in form, "the reader's own day, not the organisation's"
        assert "How did you come to logistics?" in form
        assert "nobody is told" in form


def test_an_introduction_says_that_all_have_said_yes() -> None:
    rendered = render(message(MessageType.INTRODUCTION, expire_time=None))
    assert rendered.title == "Bo Lind would like to meet you too"
    assert "You have both said yes" in rendered.text


@pytest.mark.parametrize("type_", list(MessageType))
def test_somebody_who_was_erased_is_not_named(type_: MessageType) -> None:
    gone = Person(person_id="bo", name="Bo Lind", title="Buyer", erased=True)
    rendered = render(message(type_), {"bo": gone})
    for form in (rendered.title, rendered.text, rendered.html):
        assert "Bo" not in form
        assert "former colleague" in form


def test_every_reason_that_recommendations_can_give_has_words() -> None:
    types = [name.removeprefix("REASON_TYPE_").lower() for name in introduction_pb2.ReasonType.keys()[1:]]
    assert sorted(SENTENCES) == sorted(types)
    for type_ in types:
        assert sentence(Reason(type=type_, values=("en",)))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def tags(html: str) -> list[str]:
    parser = Tags()
    parser.feed(html)
    return parser.tags


@given(name=st.text(max_size=60), title=st.text(max_size=60), value=st.text(max_size=60), starter=st.text(max_size=60))
def test_no_name_or_value_breaks_out_of_its_place(name: str, title: str, value: str, starter: str) -> None:
    plain = render(message(starters=("a",)), {"bo": Person(person_id="bo", name="n", title="t")})
    odd = render(
        message(reasons=(Reason(type="shared_field", values=(value or "x",)),), starters=(starter,)),
        {"bo": Person(person_id="bo", name=name, title="t" + title)},
    )
    assert tags(odd.html) == tags(plain.html)
    assert "\n" not in odd.title
    assert "\r" not in odd.title
