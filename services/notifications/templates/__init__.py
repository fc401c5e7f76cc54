"""A notification in the reader's words: the same facts always give the same title, text and accessible HTML."""

from services.notifications.templates.render import Rendered, Renderer, one_line

__all__ = ["Rendered", "Renderer", "one_line"]
