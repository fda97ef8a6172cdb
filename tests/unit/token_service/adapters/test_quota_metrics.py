"""Accounts' quotas as series, bounded like all series by account."""

from dataclasses import replace

from token_service.adapters.held_metrics import MOST_ACCOUNTS
from token_service.adapters.prometheus import PrometheusEvents
from token_service.domain.quotas import Allowance, Miss, Outcome, Quota
from token_service.domain.tokens import AccountChanges, AccountId

SEAT, OTHER = AccountId("seat-1"), AccountId("seat-2")
DECEMBER = 1_796_083_200.0
PREMIUM = Quota("premium_interactions", 7000.0, -12.5, 12.5, True)
CHAT = Quota("chat", -1.0, None, 0.0, False)
ALLOWANCE = Allowance((CHAT, PREMIUM), "business", True, DECEMBER)


def events(count: int = 1) -> PrometheusEvents:
    return PrometheusEvents([AccountId(f"seat-{number}") for number in range(1, count + 1)])


def series(made: PrometheusEvents) -> set[str]:
    """The lines about quotas, without those that only count polls."""
    lines = made.render().decode().splitlines()
    return {
        line.removeprefix("copilot_quota_")
        for line in lines
        if line.startswith("copilot_quota_") and "polls" not in line
    }


def test_what_was_read() -> None:
    made = events()
    made.quotas_polled(SEAT, ALLOWANCE)
    assert series(made) == {
        'remaining{account="seat-1",quota="premium_interactions"} -12.5',
        'entitlement{account="seat-1",quota="premium_interactions"} 7000.0',
        'entitlement{account="seat-1",quota="chat"} -1.0',
        'overage{account="seat-1",quota="premium_interactions"} 12.5',
        'exhausted{account="seat-1",quota="premium_interactions"} 1.0',
        'exhausted{account="seat-1",quota="chat"} 0.0',
        'reset_timestamp_seconds{account="seat-1"} 1.7960832e+09',
    }


def test_polls_are_counted_by_how_they_ended() -> None:
    made = events()
    for reading in (ALLOWANCE, ALLOWANCE, Miss(Outcome.RATE_LIMITED, 90.0)):
        made.quotas_polled(SEAT, reading)
    text = made.render().decode()
    assert 'copilot_quota_polls_total{outcome="ok"} 2.0' in text
    assert 'copilot_quota_polls_total{outcome="rate_limited"} 1.0' in text
    assert 'copilot_quota_polls_total{outcome="refused"} 0.0' in text


def test_what_is_known_stays_while_github_cannot_be_asked() -> None:
    made = events()
    made.quotas_polled(SEAT, ALLOWANCE)
    before = series(made)
    for outcome in (Outcome.RATE_LIMITED, Outcome.UNAVAILABLE, Outcome.UNREADABLE):
        made.quotas_polled(SEAT, Miss(outcome))
    assert series(made) == before


def test_what_is_known_goes_when_github_refuses() -> None:
    made = events()
    made.quotas_polled(SEAT, ALLOWANCE)
    made.quotas_polled(SEAT, Miss(Outcome.REFUSED))
    assert series(made) == set()


def test_what_another_replica_says_is_not_said_here() -> None:
    made = events()
    made.quotas_polled(SEAT, ALLOWANCE)
    made.quotas_left(SEAT)
    assert series(made) == set()


def test_an_account_that_was_removed_leaves_no_series() -> None:
    made = events(2)
    made.quotas_polled(OTHER, ALLOWANCE)
    made.reloaded(AccountChanges(removed=(OTHER,)), [SEAT])
    made.quotas_polled(OTHER, ALLOWANCE)
    assert series(made) == set()


def test_of_many_accounts_there_are_sums() -> None:
    made = events(MOST_ACCOUNTS + 1)
    made.quotas_polled(SEAT, ALLOWANCE)
    made.quotas_polled(OTHER, replace(ALLOWANCE, resets_at=DECEMBER + 1))
    assert series(made) == {
        'remaining{account="all",quota="premium_interactions"} -25.0',
        'entitlement{account="all",quota="premium_interactions"} 14000.0',
        'overage{account="all",quota="premium_interactions"} 25.0',
        'exhausted{account="all",quota="premium_interactions"} 2.0',
        'exhausted{account="all",quota="chat"} 0.0',
        'reset_timestamp_seconds{account="all"} 1.7960832e+09',
    }
