"""Usage records as requests leave them, each with an id of its own."""

import itertools
from typing import Any

from gateway.domain.usage.record import UsageRecord

NOON = 1_795_608_000.0
"""2026-11-25T12:00:00Z."""
DAY = 86_400.0

_numbers = itertools.count(1)


def a_record(**changes: Any) -> UsageRecord:
    """A whole answer for key ci-bot of engineering, on seat-1."""
    fields: dict[str, Any] = {
        "request_id": f"req-{next(_numbers)}",
        "time": NOON,
        "key_id": "ci-bot",
        "group_id": "engineering",
        "served_group_id": "engineering",
        "endpoint": "/v1/chat/completions",
        "outcome": "complete",
        "account_id": "seat-1",
        "platform": "copilot",
        "requested_model": "gpt-5",
        "served_model": "gpt-5-2026",
        "initiator": "user",
        "initiator_rule": "last_user",
        "stream": True,
        "status": 200,
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 50,
        "cache_write_tokens": 5,
        "reasoning_tokens": 7,
        "nano_aiu": 296_100_000,
        "credits_source": "upstream",
        "premium_multiplier": 1.0,
        "attempts": 1,
        "first_byte_seconds": 0.25,
        "duration_seconds": 1.5,
    }
    return UsageRecord(**{**fields, **changes})
