"""The demo's report: one file that needs nothing from elsewhere, with every part of the story in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from services.cli.demo import telling
from services.cli.demo.report import render
from services.cli.demo.report.page import measures
from services.cli.demo.tale import REAL, Tale
from tests.unit.cli.demo_world import tale as make_tale

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Every element of a page, and whether each was closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.misplaced: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.misplaced.append(tag)

    def all(self, tag: str) -> Iterator[dict[str, str]]:
        return (attributes for name, attributes in self.found if name == tag)


@pytest.fixture(scope="module")
def tale() -> Tale:
    return make_tale()


@pytest.fixture(scope="module")
def text(tale: Tale) -> str:
    return render(tale)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_report_is_well_formed_and_says_its_language(page: Page) -> None:
    assert not page.misplaced
    assert not page.open
    assert next(page.all("html"))["lang"] == "en"
    assert len(list(page.all("h1"))) == 1


def test_nothing_runs_in_it_and_nothing_is_fetched_from_elsewhere(text: str, page: Page) -> None:
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "link", "img", "object", "embed", "base", "form"}
    for _, attributes in page.found:
        assert not {"src", "href", "xlink:href", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?://|@import|url\(", text)


def test_the_invitation_stands_in_a_frame_in_which_nothing_may_run(tale: Tale, page: Page) -> None:
    (frame,) = page.all("iframe")
    assert frame["sandbox"] == ""
    assert frame["title"]
    assert tale.held.open_question is not None
    assert frame["srcdoc"] == tale.held.open_question.notification.html


def test_every_picture_has_a_title_and_a_description_that_are_found(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    pictures = list(page.all("svg"))
    assert len(pictures) == 5
    for picture in pictures:
        assert picture["role"] == "img"
        assert set(picture["aria-labelledby"].split()) <= set(ids)
    for section in page.all("section"):
        assert section["aria-labelledby"] in ids


def test_what_people_wrote_is_text_and_never_markup(text: str) -> None:
    assert "<b>steel</b>" not in text
    assert "&lt;b&gt;steel&lt;/b&gt;" in text


def test_the_story_is_told_in_every_part(tale: Tale, text: str) -> None:
    for words in ("After 90 days, random introductions", "not a byte differs", "in none of the rounds"):
        assert words in text
    assert tale.newcomer.name in text
    assert f"{tale.interactions:,}" in text
    assert "This is an illustration, not a measurement" in text
    assert len(measures(tale)) == 8
    assert tale.lasting(REAL).endswith(" of 80")


def test_the_terminal_tells_the_same_in_eighty_columns(tale: Tale) -> None:
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as capture:
        telling.tell(console, tale)
    told = capture.get()
    assert max(len(line) for line in told.splitlines()) <= 86
    assert tale.newcomer.name in told
    assert "not a byte differs" in told
    assert "held in every round" in told


def test_a_tale_in_which_a_promise_was_broken_is_not_clean(tale: Tale) -> None:
    unread = {"what": "topic", "found": "cannot be read"}
    lost = replace(tale, verified={"clean": False, "held": {}, "differences": [unread], "seconds": 1.0})
    assert tale.clean
    assert not lost.clean
    said = render(lost)
    assert "NOT CLEAN" in said
    assert "topic: cannot be read" in said
