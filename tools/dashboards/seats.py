"""Seats: which accounts serve, which are set aside and why, what is left of their quotas."""

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.panels import Panels, Query, graph, listing, number, page

RATE = "[$__rate_interval]"
ASIDE = 'gateway_account_state{@, state!="ok"}'


def seats() -> dashboard.Dashboard:
    """The page for whoever looks after the accounts."""
    built = page("seats", "Seats", "Which accounts serve, and what keeps the others from it.")
    for panel in (*_now(), *_states()):
        built.with_panel(panel)
    built.with_row(dashboard.Row("Quotas as upstream's headers have them"))
    for panel in _quotas_of_headers():
        built.with_panel(panel)
    built.with_row(dashboard.Row("Quotas as GitHub says when asked"))
    for panel in _quotas_of_github():
        built.with_panel(panel)
    return built


def _now() -> Panels:
    serving = 'max by (account, state) (gateway_account_state{@, state="ok"})'
    aside = f"sum(max by (account, state) ({ASIDE})) or vector(0)"
    person = "sum(max by (account, kind) (copilot_account_alert{@})) or vector(0)"
    return (
        number("Serving", "Accounts that no gateway has set aside.", "short", f"sum({serving})"),
        number(
            "Set aside", "Accounts that some gateway has set aside.", "short", aside, red_from=1
        ),
        number("For a person", "Accounts that time will not mend.", "short", person, red_from=1),
        number(
            "Lowest quota",
            "What is left of the quota that is nearest to its end.",
            "percent",
            "min(gateway_account_quota_remaining_percent{@})",
        ),
    )


def _states() -> Panels:
    return (
        graph(
            "Accounts by state",
            "ok, or the fault for which an account is set aside; policy_paused for a pause.",
            "short",
            Query(
                "sum by (state) (max by (account, state) (gateway_account_state{@}))", "{{state}}"
            ),
            is_stacked=True,
        ),
        listing(
            "Set aside now",
            "Above 200 accounts the number of each state, without names.",
            "short",
            f"max by (account, state) ({ASIDE})",
        ),
        graph(
            "States of their tokens",
            "What token_service says of accounts: ready, idle, retrying, failed.",
            "short",
            Query(
                "sum by (state) (max by (account, state) (copilot_account_state{@}))", "{{state}}"
            ),
            is_stacked=True,
        ),
        graph(
            "Requests that moved",
            "Requests a second that left an account for another one, by why.",
            "reqps",
            Query(
                f"sum by (group, reason) (rate(gateway_failovers_total{{@}}{RATE}))",
                "{{group}}: {{reason}}",
            ),
        ),
        graph(
            "Accounts they left",
            "Likewise, by the account that was left.",
            "reqps",
            Query(f"sum by (from) (rate(gateway_failovers_total{{@}}{RATE}))", "{{from}}"),
        ),
        listing(
            "What calls for a person",
            "rejected_upstream: upstream refuses new tokens. retries_stopped: abuse or billing.",
            "short",
            "max by (account, kind) (copilot_account_alert{@})",
        ),
    )


def _quotas_of_headers() -> Panels:
    by = "max by (account, quota)"
    return (
        graph(
            "Left",
            "Lags by some requests. With many accounts the lowest of each quota, without a name.",
            "percent",
            Query(
                "min by (account, quota) (gateway_account_quota_remaining_percent{@})",
                "{{account}} {{quota}}",
            ),
            span=12,
        ),
        graph(
            "Overage",
            "What was used beyond a quota, in requests or credits.",
            "short",
            Query(f"{by} (gateway_account_quota_overage{{@}})", "{{account}} {{quota}}"),
            span=12,
        ),
        listing(
            "Entitlement",
            "What a period has in it; -1: unlimited.",
            "short",
            f"{by} (gateway_account_quota_entitlement{{@}})",
            span=12,
        ),
        listing(
            "Until it begins anew",
            "Time to the end of the period.",
            "s",
            f"{by} (gateway_account_quota_reset_timestamp_seconds{{@}}) - time()",
            span=12,
        ),
    )


def _quotas_of_github() -> Panels:
    by = "max by (account, quota)"
    called = "{{account}} {{quota}}"
    return (
        graph(
            "Remaining",
            "In requests or credits; not of unlimited quotas. With many accounts sums.",
            "short",
            Query(f"{by} (copilot_quota_remaining{{@}})", called),
        ),
        graph(
            "Used up",
            "1 for a quota of which nothing is left; with many accounts how many are.",
            "short",
            Query(f"{by} (copilot_quota_exhausted{{@}})", called),
        ),
        graph(
            "Used beyond",
            "Overage by GitHub's own count.",
            "short",
            Query(f"{by} (copilot_quota_overage{{@}})", called),
        ),
        listing(
            "Entitlements",
            "What a period has in it; -1: unlimited.",
            "short",
            f"{by} (copilot_quota_entitlement{{@}})",
        ),
        listing(
            "Periods end in",
            "Time until an account's quotas begin anew.",
            "s",
            "max by (account) (copilot_quota_reset_timestamp_seconds{@}) - time()",
        ),
        graph(
            "Questions",
            "How GitHub answers when asked for quotas.",
            "ops",
            Query(f"sum by (outcome) (rate(copilot_quota_polls_total{{@}}{RATE}))", "{{outcome}}"),
        ),
    )
