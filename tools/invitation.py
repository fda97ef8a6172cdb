"""What `make run` prints when everything is up: how to make the first call."""

import json
import shlex
from collections.abc import Mapping

from tools.plan import HOST, Plan

MODEL = "gpt-4o-mini"
# curl would send even a call to loopback through one of these.
PROXY_VARIABLES = ("http_proxy", "all_proxy", "ALL_PROXY")


def text(plan: Plan, key: str, environ: Mapping[str, str]) -> str:
    """The lines to show; the key stands in them, it opens nothing but this loopback gateway."""
    base_url = f"http://{HOST}:{plan.ports.gateway}/copilot/v1"
    curl = ["curl", "-N"]
    if any(environ.get(name) for name in PROXY_VARIABLES):
        curl += ["--noproxy", HOST]
    caller = ["-H", f"Authorization: Bearer {key}"]
    return "\n".join(
        (
            "",
            "Ready. A first call, from another terminal:",
            "",
            shlex.join([*curl, f"{base_url}/chat/completions", *caller, *_first_call()]),
            "",
            f"SDKs:     base URL {base_url}, API key {key}",
            f"Models:   GET {base_url}/models with the same key",
            f"Metrics:  http://{HOST}:{plan.ports.gateway_ops}/metrics (gateway), "
            f"http://{HOST}:{plan.ports.token_service_ops}/metrics (token_service)",
            "Ctrl-C stops everything.",
        )
    )


def _first_call() -> list[str]:
    message = {"role": "user", "content": "Say hello in five words."}
    body = {"model": MODEL, "stream": True, "messages": [message]}
    return ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
