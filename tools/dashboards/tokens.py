"""Tokens: how long they live, where they come from, the store, the RPC and its callers."""

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.panels import Panels, Query, graph, number, page, quantiles

RATE = "[$__rate_interval]"
EXPIRY = "copilot_token_expiry_timestamp_seconds{@} - time()"


def tokens() -> dashboard.Dashboard:
    """The page of token_service."""
    built = page("tokens", "Tokens", "Exchanges with GitHub, what they give, and who asks for it.")
    for panel in (*_now(), *_tokens()):
        built.with_panel(panel)
    built.with_row(dashboard.Row("Exchanges and the store"))
    for panel in (*_exchanges(), *_store()):
        built.with_panel(panel)
    built.with_row(dashboard.Row("The RPC"))
    for panel in _rpc():
        built.with_panel(panel)
    return built


def _now() -> Panels:
    failed = 'sum(increase(copilot_token_exchanges_total{@, outcome!~"ok|superseded"}[15m]))'
    return (
        number("Next to expire", "The shortest life of all tokens.", "s", f"min({EXPIRY})"),
        number(
            "Exchanges that failed",
            "In 15 minutes.",
            "short",
            f"{failed} or vector(0)",
            red_from=1,
        ),
        number(
            "Store",
            "1 while it answers every replica, or there is only memory.",
            "short",
            "min(copilot_store_up{@})",
        ),
        number(
            "Calls",
            "Calls of the RPC a second.",
            "reqps",
            f"sum(rate(grpc_server_started_total{{@}}{RATE}))",
        ),
    )


def _tokens() -> Panels:
    return (
        graph(
            "Life left",
            "By GitHub's clock. A token in use is replaced five minutes before its end.",
            "s",
            Query(f"max by (account) ({EXPIRY})", "{{account}}"),
        ),
        graph(
            "Generation",
            "One more with each new token, over all replicas; it never falls.",
            "short",
            Query("max by (account) (copilot_token_generation{@})", "{{account}}"),
        ),
        graph(
            "Where tokens come from",
            "Tokens a second given to callers; `stale` while renewal fails.",
            "ops",
            Query(f"sum by (source) (rate(copilot_token_requests_total{{@}}{RATE}))", "{{source}}"),
        ),
    )


def _exchanges() -> Panels:
    return (
        graph(
            "Exchanges",
            "Attempts to obtain a token, by how they ended.",
            "ops",
            Query(
                f"sum by (outcome) (rate(copilot_token_exchanges_total{{@}}{RATE}))", "{{outcome}}"
            ),
        ),
        graph(
            "Exchanges that failed, by account",
            "An account that fails alone has a credential to look at.",
            "ops",
            Query(
                "sum by (account) (rate(copilot_token_exchanges_total{@,"
                f' outcome!~"ok|superseded"}}{RATE}))',
                "{{account}}",
            ),
        ),
        graph(
            "How long they take",
            "GitHub's answer included.",
            "s",
            *quantiles("copilot_token_exchange_seconds"),
        ),
        graph(
            "Followers and take-overs",
            "Callers that waited for another's exchange, and renewals of replicas that vanished.",
            "ops",
            Query(f"sum(rate(copilot_token_followers_total{{@}}{RATE}))", "followers"),
            Query(f"sum(rate(copilot_token_lock_takeovers_total{{@}}{RATE}))", "take-overs"),
        ),
    )


def _store() -> Panels:
    return (
        graph(
            "Tokens refused by upstream",
            "Before their time, by account.",
            "ops",
            Query(
                f"sum by (account) (rate(copilot_token_rejections_total{{@}}{RATE}))", "{{account}}"
            ),
        ),
        graph(
            "Records of the store that were not used",
            "unknown_key and other_credential pass while keys change; forged must never be.",
            "ops",
            Query(
                f"sum by (reason) (rate(copilot_store_records_refused_total{{@}}{RATE}))",
                "{{reason}}",
            ),
        ),
    )


def _rpc() -> Panels:
    return (
        graph(
            "Calls by how they ended",
            "By method and code.",
            "reqps",
            Query(
                f"sum by (grpc_method, grpc_code) (rate(grpc_server_handled_total{{@}}{RATE}))",
                "{{grpc_method}} {{grpc_code}}",
            ),
        ),
        graph(
            "How long unary calls take",
            "From memory well under a millisecond; cold as long as an exchange.",
            "s",
            *quantiles("grpc_server_handling_seconds", "grpc_method", ("0.5", "0.99")),
        ),
        graph(
            "Callers refused",
            "Calls refused before their method ran, by why.",
            "ops",
            Query(
                f"sum by (reason) (rate(copilot_caller_refusals_total{{@}}{RATE}))", "{{reason}}"
            ),
        ),
        graph(
            "Issuer and certificate files",
            "Failures to read the keys of callers' tokens, and certificates that were no use.",
            "ops",
            Query(f"sum(rate(copilot_caller_issuer_failures_total{{@}}{RATE}))", "issuer"),
            Query(
                f"sum(rate(copilot_listener_certificate_failures_total{{@}}{RATE}))", "certificate"
            ),
            span=12,
        ),
        graph(
            "Life of the listener's certificate",
            "There with TLS only.",
            "s",
            Query(
                "min by (instance) (copilot_listener_certificate_expiry_timestamp_seconds{@})"
                " - time()",
                "{{instance}}",
            ),
            span=12,
        ),
    )
