"""Overview: rate, errors, duration; what streams wait for; the objectives; the dependencies."""

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.panels import Panels, Query, graph, number, page, quantiles

RATE = "[$__rate_interval]"
REQUESTS = f"gateway_requests_total{{@}}{RATE}"
FAILED = 'gateway_rejections_total{@, reason=~"(gateway|seat|upstream)_.+"}'
DURATION = "gen_ai_server_request_duration_seconds"
ERRORS = 'gen_ai_server_request_duration_seconds_count{@, error_type!=""}'
BEGINNING = "gen_ai_server_time_to_first_token_seconds"
PACE = "gen_ai_server_time_per_output_token_seconds"


def overview() -> dashboard.Dashboard:
    """The page to open first."""
    built = page("overview", "Overview", "Is it up, is it fast, and whose fault is it if not.")
    for panel in _now():
        built.with_panel(panel)
    built.with_row(dashboard.Row("Requests"))
    for panel in (*_requests(), *_durations()):
        built.with_panel(panel)
    built.with_row(dashboard.Row("Objectives"))
    for panel in _objectives():
        built.with_panel(panel)
    built.with_row(dashboard.Row("Dependencies"))
    for panel in _dependencies():
        built.with_panel(panel)
    return built


def _now() -> Panels:
    return (
        number(
            "Requests", "Answers a second, refusals included.", "reqps", f"sum(rate({REQUESTS}))"
        ),
        number(
            "Failed",
            "The part of all requests that failed for the gateway's, a seat's or upstream's sake.",
            "percentunit",
            f"sum(rate({FAILED}{RATE})) / sum(rate({REQUESTS}))",
            red_from=0.005,
        ),
        number(
            "First token, 95 %",
            "95 of 100 streams begin within this time.",
            "s",
            f"histogram_quantile(0.95, sum by (le) (rate({BEGINNING}_bucket{{@}}{RATE})))",
            red_from=5,
        ),
        number("In flight", "Requests being served.", "short", "sum(gateway_inflight{@})"),
    )


def _requests() -> Panels:
    return (
        graph(
            "By route",
            "Requests a second by path.",
            "reqps",
            Query(f"sum by (route) (rate({REQUESTS}))", "{{route}}"),
            is_stacked=True,
        ),
        graph(
            "By group",
            "Requests a second by the group of their key.",
            "reqps",
            Query(f"sum by (group) (rate({REQUESTS}))", "{{group}}"),
            is_stacked=True,
        ),
        graph(
            "By status",
            "Answers a second by HTTP status; 499: the caller left before there was one.",
            "reqps",
            Query(f"sum by (code) (rate({REQUESTS}))", "{{code}}"),
            is_stacked=True,
        ),
        graph(
            "Errors by reason",
            "x-gateway-error: the first word says whose fault it was.",
            "reqps",
            Query(f"sum by (reason) (rate(gateway_rejections_total{{@}}{RATE})) > 0", "{{reason}}"),
        ),
        graph(
            "In flight and waiting",
            "Requests being served, and those that wait for one of their key's places.",
            "short",
            Query("sum by (group) (gateway_inflight{@})", "{{group}}"),
            Query("sum by (group) (gateway_waiting{@})", "{{group}} waiting"),
        ),
        graph(
            "Ends of streams",
            "Streams a second by how they ended; all but complete and client_gone are failures.",
            "ops",
            Query(f"sum by (reason) (rate(gateway_stream_ends_total{{@}}{RATE}))", "{{reason}}"),
        ),
    )


def _durations() -> Panels:
    return (
        graph("Duration", "To the end of the answer.", "s", *quantiles(DURATION)),
        graph(
            "First token by model",
            "From the caller's headers to the first byte of a stream: 95 of 100 begin within it.",
            "s",
            *quantiles(BEGINNING, "gen_ai_request_model", ("0.95",)),
        ),
        graph(
            "Time per output token",
            "From a stream's first byte to its end, per token after the first.",
            "s",
            *quantiles(PACE),
        ),
        graph(
            "Overhead",
            "Time to the first byte less the waits for upstream and for a place: ours alone.",
            "s",
            *quantiles("gateway_overhead_seconds"),
        ),
        graph(
            "Failures by model's provider",
            "Requests a second that ended with an error, by what it was.",
            "reqps",
            Query(
                f"sum by (gen_ai_provider_name, error_type) (rate({ERRORS}{RATE}))",
                "{{gen_ai_provider_name}} {{error_type}}",
            ),
        ),
        graph(
            "Who set requests off",
            "X-Initiator and the rule that chose it: `user` may cost a premium request.",
            "reqps",
            Query(
                f"sum by (initiator, rule) (rate(gateway_initiator_total{{@}}{RATE}))",
                "{{initiator}}: {{rule}}",
            ),
        ),
    )


def _objectives() -> Panels:
    def burn(kind: str) -> list[Query]:
        return [
            Query(
                f"gateway:{kind}:ratio_rate{window}{{@@}} / scalar(gateway:{kind}:budget)", window
            )
            for window in ("1h", "6h", "3d")
        ]

    return (
        graph(
            "Error budget, how fast it burns",
            "1 uses up exactly the budget; 14.4 over an hour, or 6 over six hours, call somebody.",
            "short",
            *burn("errors"),
            span=12,
        ),
        graph(
            "First-token budget, how fast it burns",
            "Likewise for streams that take more than five seconds to begin.",
            "short",
            *burn("slow_first_tokens"),
            span=12,
        ),
    )


def _dependencies() -> Panels:
    ups = {
        "gateway_store_up": "gateway's store",
        "gateway_ledger_up": "ledger",
        "gateway_keys_up": "database of keys",
        "gateway_issuer_up": "issuer",
        "copilot_store_up": "token_service's store",
    }
    return (
        graph(
            "Up",
            "1 while it answers, for the replica that sees it worst. Each may be down: see the"
            " runbook.",
            "short",
            *(
                Query(f"min(min_over_time({name}{{@}}[5m]))", called)
                for name, called in ups.items()
            ),
        ),
        graph(
            "Spans lost",
            "Spans that the collector of traces did not take; requests do not notice.",
            "short",
            Query("sum(increase(gateway_spans_lost_total{@}[5m]))", "gateway"),
            Query("sum(increase(copilot_spans_lost_total{@}[5m]))", "token_service"),
        ),
        graph(
            "Client refused",
            "1 while a platform refuses this client, whatever the account: a person has to look.",
            "short",
            Query("max by (platform) (gateway_client_refused{@})", "{{platform}}"),
        ),
        graph(
            "Configurations refused",
            "Readings of a changed configuration that were refused, and of issuers' keys that"
            " failed.",
            "short",
            Query("sum(increase(gateway_config_reload_failures_total{@}[5m]))", "gateway"),
            Query("sum(increase(copilot_config_reload_failures_total{@}[5m]))", "token_service"),
            Query("sum(increase(gateway_issuer_failures_total{@}[5m]))", "gateway's issuer"),
        ),
        graph(
            "Keys known",
            "API keys by where they are kept; every gateway knows the same ones of the database.",
            "short",
            Query("max by (source) (gateway_keys{@})", "{{source}}"),
        ),
        graph(
            "Usage records that wait",
            "Records in journals that are not in the ledger yet.",
            "short",
            Query("sum by (instance) (gateway_usage_journal_pending{@})", "{{instance}}"),
        ),
        graph(
            "Journals",
            "Bytes in usage.journal_dir, of each gateway; usage.journal_bytes bounds them.",
            "bytes",
            Query("max by (instance) (gateway_usage_journal_bytes{@})", "{{instance}}"),
        ),
    )
