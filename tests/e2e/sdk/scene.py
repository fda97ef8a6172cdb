"""Where the tests of clients take place: two accounts, strict with what they are sent.

Upstream takes no tool call without its one result and no item's id but its own, and keeps what it
was sent. So a translation that loses half of a conversation fails with a 400.
"""

from typing import Any

ACCOUNTS = {"octocat": "ghu_simulated_octocat", "hubot": "ghu_simulated_hubot"}
SCENARIO: dict[str, Any] = {
    "accounts": [{"login": name, "credentials": [each]} for name, each in ACCOUNTS.items()],
    "chat": {"chunk_delay_seconds": 0},
    "http": {"check_tool_calls": True, "check_item_ids": True},
    "ledger": {"keep_bodies": True},
}
ALIASES = {"claude-sonnet-4-6-*": "claude-sonnet-4.6", "claude-haiku-4-5-*": "claude-haiku-4.5"}
MARKING = "marking"
"""The key whose `X-Initiator: agent` counts."""
