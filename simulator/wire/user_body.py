"""`GET /copilot_internal/user` and `GET /user` (§4.1), and the quota headers (§4.2)."""

import datetime
from typing import Any
from urllib.parse import quote

from simulator.scenario.accounts import Account, Plan
from simulator.wire.exchange_body import endpoints, sku_of

PLANS: dict[Plan, str] = {
    Plan.FREE: "free",
    Plan.INDIVIDUAL: "individual_pro",
    Plan.BUSINESS: "business",
    Plan.ENTERPRISE: "enterprise",
}


def reset_time(now: float) -> datetime.datetime:
    """The first day of the month after `now` (seconds since the epoch)."""
    today = datetime.datetime.fromtimestamp(now, datetime.UTC)
    first = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + datetime.timedelta(days=32)).replace(day=1)


def user_body(account: Account, used: float, api_url: str, now: float) -> dict[str, Any]:
    """An account's plan and quotas. used: credits; may be more than there are."""
    reset = reset_time(now)
    body: dict[str, Any] = {
        "login": account.login,
        "access_type_sku": sku_of(account),
        "analytics_tracking_id": "00000000000000000000000000000000",
        "assigned_date": "2025-06-01T00:00:00Z",
        "can_signup_for_limited": False,
        "chat_enabled": True,
        "codex_agent_enabled": True,
        "copilot_plan": PLANS[account.plan],
        "endpoints": endpoints(api_url),
        "organization_login_list": list(account.organizations),
        "organization_list": [{"login": name, "name": name} for name in account.organizations],
        "quota_reset_date": reset.strftime("%Y-%m-%d"),
        "quota_reset_date_utc": reset.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "token_based_billing": account.token_based_billing,
    }
    if account.plan is Plan.FREE:
        body["limited_user_quotas"] = {"chat": 500, "completions": 4000}
        body["monthly_quotas"] = {"chat": 500, "completions": 4000}
        body["limited_user_reset_date"] = reset.strftime("%Y-%m-%d")
        return body
    body["quota_snapshots"] = _snapshots(account, used, now)
    return body


def github_user_body(account: Account) -> dict[str, Any]:
    """`GET /user`, the few fields that name somebody; the id is invented."""
    return {"login": account.login, "id": 12345, "type": "User", "name": account.login}


def quota_headers(account: Account, used: float, now: float) -> dict[str, str]:
    """Quota headers of an inference answer; `rem` is a percentage."""
    reset = quote(reset_time(now).strftime("%Y-%m-%dT%H:%M:%SZ"), safe="")
    credits = account.quota.credits
    remaining = _percent_remaining(credits, used)
    chat = f"ent=-1&ov=0.0&ovPerm=false&rem=100.0&rst={reset}"
    premium = f"ent={credits:g}&ov=0.0&ovPerm=false&rem={remaining:.1f}&rst={reset}"
    return {
        "x-quota-snapshot-chat": chat,
        "x-quota-snapshot-completions": chat,
        "x-quota-snapshot-premium_interactions": premium,
        "x-quota-snapshot-premium_models": premium,
    }


def _percent_remaining(credits: float, used: float) -> float:
    return 100.0 * (credits - used) / credits if credits else 0.0


def _snapshots(account: Account, used: float, now: float) -> dict[str, Any]:
    stamp = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    credits = account.quota.credits
    remaining = credits - used
    return {
        "chat": _snapshot("chat", 0, 0.0, 100.0, True, stamp),
        "completions": _snapshot("completions", 0, 0.0, 100.0, True, stamp),
        "premium_interactions": _snapshot(
            "premium_interactions",
            int(credits),
            remaining,
            _percent_remaining(credits, used),
            False,
            stamp,
        ),
    }


def _snapshot(
    quota_id: str, entitlement: int, remaining: float, percent: float, unlimited: bool, stamp: str
) -> dict[str, Any]:
    return {
        "quota_id": quota_id,
        "entitlement": entitlement,
        "remaining": int(remaining),
        "quota_remaining": round(remaining, 1),
        "percent_remaining": round(percent, 1),
        "unlimited": unlimited,
        "overage_count": 0,
        "overage_permitted": False,
        "has_quota": unlimited or remaining > 0,
        "timestamp_utc": stamp,
    }
