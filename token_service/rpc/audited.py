"""What the audit stream says of each method: which part of a request or an answer names what.

One table; a method that is not in it is audited by its name alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Grant(NamedTuple):
    """What one answer gave: an account and a token, each empty where there is none."""

    account: str = ""
    token_id: str = ""
    generation: int = 0


def _token(request: Any, answer: Any) -> Grant | None:
    token = answer.token
    return Grant(token.account, token.token_id, token.generation)


def _change(request: Any, answer: Any) -> Grant | None:
    return _token(request, answer) if answer.HasField("token") else None


def _complaint(request: Any, answer: Any) -> Grant | None:
    return Grant(request.account, request.token_id)


def _nothing_named(request: Any, answer: Any) -> Grant | None:
    return Grant()


GrantReader = Callable[[Any, Any], Grant | None]

_GRANTS: dict[str, GrantReader] = {
    "GetCopilotToken": _token,
    "WatchCopilotToken": _change,
    "InvalidateCopilotToken": _complaint,
}


def grant_reader(method: str) -> GrantReader:
    """How to read the method's grants: (request, answer) → what was given, None for nothing."""
    return _GRANTS.get(method, _nothing_named)


def account_named(request: Any) -> str:
    """The account a request names; empty for none or several."""
    return getattr(request, "account", "")
