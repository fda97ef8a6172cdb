"""The body of a successful exchange (§3.2). Faults and `drop` may take any field away."""

from dataclasses import dataclass, field
from typing import Any

from simulator.scenario.accounts import Account, Plan

SKUS: dict[Plan, str] = {
    Plan.FREE: "free_limited_copilot",
    Plan.INDIVIDUAL: "yearly_subscriber",
    Plan.BUSINESS: "copilot_for_business_seat_quota",
    Plan.ENTERPRISE: "copilot_enterprise_seat_quota",
}


@dataclass(frozen=True)
class Grant:
    """What one exchange gives. Times in seconds: the first since the epoch, the second a span."""

    token: str = field(repr=False)
    expires_at: int
    refresh_in: int | float
    api_url: str
    tracking_id: str


def sku_of(account: Account) -> str:
    """The account's SKU: as set, else its plan's."""
    return account.sku or SKUS[account.plan]


def endpoints(api_url: str) -> dict[str, str]:
    """The hosts of an account: all of them are this simulator, so that nothing real is called."""
    return {
        "api": api_url,
        "origin-tracker": api_url,
        "proxy": api_url,
        "telemetry": api_url,
    }


def exchange_body(account: Account, grant: Grant, reset_at: int) -> dict[str, Any]:
    """All fields of §3.2. reset_at: when a free plan's quotas start again, seconds."""
    is_free = account.plan is Plan.FREE
    body: dict[str, Any] = {
        "agent_mode_auto_approval": True,
        "annotations_enabled": True,
        "azure_only": False,
        "blackbird_clientside_indexing": False,
        "chat_enabled": True,
        "chat_jetbrains_enabled": True,
        "code_quote_enabled": True,
        "code_review_enabled": False,
        "codesearch": True,
        "copilotignore_enabled": False,
        "endpoints": endpoints(grant.api_url),
        "enterprise_list": None,
        "expires_at": grant.expires_at,
        "individual": account.plan in (Plan.FREE, Plan.INDIVIDUAL),
        "limited_user_quotas": {"chat": 500, "completions": 4000} if is_free else None,
        "limited_user_reset_date": reset_at if is_free else None,
        "nes_enabled": True,
        "organization_list": list(account.organizations),
        "prompt_8k": True,
        "public_suggestions": "enabled",
        "refresh_in": grant.refresh_in,
        "sku": sku_of(account),
        "snippy_load_test_enabled": False,
        "telemetry": "disabled",
        "token": grant.token,
        "tracking_id": grant.tracking_id,
        "trigger_completion_after_accept": None,
        "vsc_electron_fetcher_v2": False,
        "xcode": True,
        "xcode_chat": True,
    }
    if account.notification is not None:
        body["user_notification"] = _notification(account.notification)
    return {name: value for name, value in body.items() if name not in account.drop}


def _notification(notification_id: str) -> dict[str, str]:
    """A notice that may ride on a 200 (§3.2); its texts are invented."""
    return {
        "message": "A simulated notice.",
        "notification_id": notification_id,
        "title": "Simulated",
        "url": "https://github.com/settings/copilot",
    }
