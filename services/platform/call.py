"""What is known of the call being handled: who calls, under which id, until when. Set once per call, read anywhere."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.platform.auth import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """One call. `deadline` is an instant on the clock's `monotonic()`; `traceparent` is there if the call is traced."""

    principal: Principal
    request_id: str
    deadline: float
    method: str
    traceparent: str | None = None


call: ContextVar[CallContext | None] = ContextVar("call", default=None)


def current_call() -> CallContext:
    """The call being handled; raises LookupError outside a handler."""
    found = call.get()
    if found is None:
        raise LookupError("no call is being handled")
    return found
