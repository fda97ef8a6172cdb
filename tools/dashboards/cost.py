"""Cost: credits and tokens by group and model; by key it is in the ledger alone."""

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.panels import Panels, Query, graph, number, page, prose

RATE = "[$__rate_interval]"
CREDITS = "gateway_credits_total{@}"
TOKENS = "gen_ai_client_token_usage_sum{@}"
EXCEEDED = "gateway_budget_exceeded_total{@}"
BY_KEY = """
Keys are no labels: there may be thousands of them, and what one has cost is somebody's bill. The
ledger has it to the last request, `python -m gateway usage --by key,model --from DAY --config F`
sums it up, and with the ledger's PostgreSQL as a data source this does:

```sql
SELECT date_trunc('day', "time") AS day, key_id, served_model, count(*) AS requests,
       sum(input_tokens) AS input, sum(output_tokens) AS output, sum(nano_aiu) / 1e9 AS credits
FROM usage_records WHERE $__timeFilter("time") GROUP BY 1, 2, 3 ORDER BY credits DESC NULLS LAST
```
"""


def cost() -> dashboard.Dashboard:
    """The page for the one who pays."""
    built = page("cost", "Cost", "Credits and tokens, by group and model.")
    for panel in (*_now(), *_spent(), *_budgets(), prose("By key", BY_KEY)):
        built.with_panel(panel)
    return built


def _now() -> Panels:
    return (
        number(
            "Credits",
            "In the time shown, estimated ones included.",
            "short",
            f"sum(increase({CREDITS}[$__range]))",
        ),
        number(
            "Input tokens",
            "In the time shown, cached ones included.",
            "short",
            'sum(increase(gen_ai_client_token_usage_sum{@, gen_ai_token_type="input"}[$__range]))',
        ),
        number(
            "Output tokens",
            "In the time shown.",
            "short",
            'sum(increase(gen_ai_client_token_usage_sum{@, gen_ai_token_type="output"}[$__range]))',
        ),
        number(
            "Records lost",
            "Requests in the time shown that are not in the ledger: there should be none.",
            "short",
            "sum(increase(gateway_usage_records_dropped_total{@}[$__range]))"
            " + sum(increase(gateway_usage_records_refused_total{@}[$__range]))"
            " + sum(increase(gateway_usage_lines_torn_total{@}[$__range]))",
            red_from=1,
        ),
    )


def _spent() -> Panels:
    return (
        graph(
            "Credits an hour, by group",
            "As upstream charges them, or as its prices say where it does not.",
            "short",
            Query(f"sum by (group) (rate({CREDITS}{RATE})) * 3600", "{{group}}"),
            is_stacked=True,
        ),
        graph(
            "Tokens by model",
            "Tokens a second, input and output.",
            "short",
            Query(
                f"sum by (gen_ai_request_model, gen_ai_token_type) (rate({TOKENS}{RATE}))",
                "{{gen_ai_request_model}} {{gen_ai_token_type}}",
            ),
        ),
        graph(
            "Tokens of a request",
            "The middle one, and the longest of 100.",
            "short",
            Query(
                "histogram_quantile(0.5, sum by (le, gen_ai_token_type)"
                f" (rate(gen_ai_client_token_usage_bucket{{@}}{RATE})))",
                "p50 {{gen_ai_token_type}}",
            ),
            Query(
                "histogram_quantile(0.99, sum by (le, gen_ai_token_type)"
                f" (rate(gen_ai_client_token_usage_bucket{{@}}{RATE})))",
                "p99 {{gen_ai_token_type}}",
            ),
        ),
    )


def _budgets() -> Panels:
    return (
        graph(
            "Budgets used up",
            "Requests that met one: refused, or with shadow let through.",
            "reqps",
            Query(
                f"sum by (holder, measure, shadow) (rate({EXCEEDED}{RATE}))",
                "{{holder}} {{measure}} shadow={{shadow}}",
            ),
        ),
        graph(
            "Requests users set off",
            "Those with X-Initiator `user`, by group: what plans by premium request charge for.",
            "reqps",
            Query(
                f'sum by (group) (rate(gateway_initiator_total{{@, initiator="user"}}{RATE}))',
                "{{group}}",
            ),
        ),
        graph(
            "Records that reach the ledger",
            "A second; one a request to an inference endpoint.",
            "ops",
            Query(f"sum(rate(gateway_usage_records_shipped_total{{@}}{RATE}))", "shipped"),
        ),
    )
