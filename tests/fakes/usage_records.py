"""Usage records and lines of a journal with what a test says, and something for the rest."""

from typing import Any

from gateway.domain.usage.journal import Begun, Sent
from gateway.domain.usage.record import UsageRecord

NOVEMBER_25 = 1_795_600_000.0


def a_record(request_id: str = "r-1", **fields: Any) -> UsageRecord:
    """A complete chat request of the key `bot` in the group `team`."""
    usual: dict[str, Any] = {
        "time": NOVEMBER_25,
        "key_id": "bot",
        "group_id": "team",
        "endpoint": "/v1/chat/completions",
        "outcome": "complete",
        "account_id": "seat-1",
        "served_group_id": "team",
        "platform": "copilot",
        "requested_model": "gpt-4o-mini",
        "served_model": "gpt-4o-mini",
        "initiator": "user",
        "initiator_rule": "last_role_user",
        "status": 200,
        "attempts": 1,
    }
    return UsageRecord(request_id=request_id, **{**usual, **fields})


def a_beginning(request_id: str = "r-1") -> Begun:
    """Its key was accepted."""
    return Begun(request_id, NOVEMBER_25, "bot", "team", "copilot", "/v1/chat/completions", "mine")


def a_sending(request_id: str = "r-1", attempts: int = 1) -> Sent:
    """It goes upstream."""
    model = "gpt-4o-mini"
    return Sent(
        *(request_id, f"seat-{attempts}", "team", "copilot", model, model),
        *("user", "last_role_user", True, attempts, 0.33),
    )
