"""Quotas, as bodies and as headers."""

from urllib.parse import parse_qs

from simulator.scenario.accounts import Account, Quota
from simulator.wire.user_body import quota_headers, reset_time, user_body

NOW = 1_795_000_000.0
ACCOUNT = Account(login="a", quota=Quota(credits=300))


def test_headers_parse_as_a_query_and_count_percents() -> None:
    """§4.2: `rem` is a percentage."""
    headers = quota_headers(ACCOUNT, used=210.9, now=NOW)
    premium = parse_qs(headers["x-quota-snapshot-premium_interactions"])
    assert premium == {
        "ent": ["300"], "ov": ["0.0"], "ovPerm": ["false"], "rem": ["29.7"],
        "rst": ["2026-12-01T00:00:00Z"],
    }  # fmt: skip
    assert parse_qs(headers["x-quota-snapshot-chat"])["ent"] == ["-1"]


def test_more_can_be_used_than_there_is() -> None:
    """§4.1: remainders may be negative."""
    snapshot = user_body(ACCOUNT, 330.0, "http://x", NOW)["quota_snapshots"]["premium_interactions"]
    assert (snapshot["remaining"], snapshot["percent_remaining"]) == (-30, -10.0)
    assert snapshot["has_quota"] is False


def test_quotas_start_again_on_the_first() -> None:
    assert reset_time(NOW).isoformat() == "2026-12-01T00:00:00+00:00"
    assert reset_time(NOW + 20 * 86400).isoformat() == "2027-01-01T00:00:00+00:00"


def test_no_quota_at_all_is_nothing_remaining() -> None:
    account = Account(login="a", quota=Quota(credits=0))
    assert "rem=0.0" in quota_headers(account, 0, NOW)["x-quota-snapshot-premium_models"]
