"""Secrets and content stay where they belong: invariants 1 and 10, over both processes' output."""

import hashlib
import re
import time

import httpx

from tests.servers.pair import CREDENTIAL, Pair
from tests.servers.simulator import Simulator

PROMPT = "canary-prompt-7319"
QUOTED = "canary-refused-5521"


def chat(pair: Pair, key: str, model: str, text: str, stream: bool) -> httpx.Response:
    return httpx.post(
        pair.base_url + "/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": text}], "stream": stream},
        headers={"Authorization": f"Bearer {key}"},
        timeout=20,
        trust_env=False,
    )


def test_no_secret_and_no_content_in_logs_metrics_or_errors(
    pair: Pair, simulator: Simulator
) -> None:
    """Both services log at level debug here."""
    answers = [
        chat(pair, pair.key, "gpt-4o-mini", PROMPT, stream=False),
        chat(pair, pair.key, "gpt-4o-mini", PROMPT, stream=True),
        chat(pair, pair.key, "gpt-none", QUOTED, stream=False),
        chat(pair, pair.key + "x", "gpt-4o-mini", QUOTED, stream=False),
    ]
    assert PROMPT in answers[0].text, "the simulator quotes the prompt, so the canary is alive"
    metrics = [
        httpx.get(url, trust_env=False).text
        for url in (pair.broker_metrics_url, pair.gateway_metrics_url)
    ]
    written = [pair.broker.output(), pair.gateway.output(), *metrics]
    written += [answer.text for answer in answers[2:]]
    secrets = [*simulator.issued(), CREDENTIAL, pair.key, PROMPT, QUOTED]
    assert len(secrets) > 4
    for number, text in enumerate(written):
        found = [secret[:8] for secret in secrets if secret in text]
        assert not found, f"output {number} holds a secret or content"


def line_with(pair: Pair, request_id: str) -> str:
    """The access line: written once the answer is out, so a moment after the caller has it."""
    deadline = time.monotonic() + 5
    while True:
        found = [text for text in pair.gateway.output().splitlines() if request_id in text]
        if found:
            assert len(found) == 1
            return found[0]
        assert time.monotonic() < deadline, "the request was not logged"
        time.sleep(0.02)


def test_a_request_is_logged_by_its_id_with_what_operators_need(pair: Pair) -> None:
    answer = chat(pair, pair.key, "gpt-4o-mini", "hello", stream=True)
    request_id = answer.headers["x-request-id"]
    line = line_with(pair, request_id)
    for fragment in ('"key":"ci-bot"', '"status":200', '"initiator":"user"', '"account":"seat'):
        assert fragment in line
    assert hashlib.sha256(pair.key.encode()).hexdigest() not in line


def settled_metrics(pair: Pair) -> str:
    """The gateway's metrics once nothing is in flight any more, or after five seconds."""
    deadline = time.monotonic() + 5
    while True:
        text = httpx.get(pair.gateway_metrics_url, trust_env=False).text
        if 'gateway_inflight{group="team"} 0.0' in text or time.monotonic() > deadline:
            return text
        time.sleep(0.02)


def test_metrics_tell_what_happened(pair: Pair, simulator: Simulator) -> None:
    chat(pair, pair.key, "gpt-4o-mini", "hello", stream=True)
    gateway = settled_metrics(pair)
    broker = httpx.get(pair.broker_metrics_url, trust_env=False).text
    for pattern in (
        r'gateway_requests_total\{code="200",group="team",route="/v1/chat/completions"\} \d',
        r'gateway_initiator_total\{group="team",initiator="user",rule="default"\} \d',
        r'gateway_stream_ends_total\{reason="complete"\} \d',
        r'gateway_inflight\{group="team"\} 0\.0',
        r"gen_ai_server_time_to_first_token_seconds_bucket\{",
        r"gen_ai_server_request_duration_seconds_bucket\{",
        r"gateway_overhead_seconds_bucket\{",
    ):
        assert re.search(pattern, gateway), pattern
    for pattern in (
        r'copilot_token_exchanges_total\{account="seat-1",outcome="\w+"\} \d',
        r'grpc_server_handled_total\{grpc_code="OK",grpc_method="GetCopilotToken"',
        r'copilot_token_expiry_timestamp_seconds\{account="seat-1"\} 1\.',
    ):
        assert re.search(pattern, broker), pattern
