"""Pictures as SVG text: small, sharp at any size, with a title and a description for those who cannot see them."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """An element; `_` in attribute names stands for `-`, floats are rounded."""
    parts = [name]
    for key, value in attributes.items():
        text = number(value) if isinstance(value, float) else str(value)
        parts.append(f'{key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    opening = " ".join(parts)
    return f"<{opening}>{content}</{name}>" if content else f"<{opening}/>"


def text(content: str, x: float, y: float, **attributes: object) -> str:
    """A line of text."""
    return element("text", escape(content), x=x, y=y, **attributes)


def titled(shape: str, title: str, **attributes: object) -> str:
    """A shape, or several, with a title that shows when pointed at."""
    return element("g", element("title", escape(title)) + shape, **attributes)


def picture(shapes: Iterable[str], *, box: tuple[int, int, int, int], title: str, description: str, name: str) -> str:
    """A whole picture. `name` makes its ids unique on the page; `box` is x, y, width and height."""
    inside = element("title", escape(title), id=f"{name}-title")
    inside += element("desc", escape(description), id=f"{name}-desc")
    return element(
        "svg",
        inside + "".join(shapes),
        viewBox=" ".join(str(each) for each in box),
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )
