"""Asks a simulator's endpoints in memory, without a socket or a process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from multidict import CIMultiDict

from simulator.endpoints.answering import answer_request
from simulator.endpoints.question import Request
from simulator.faults.plan import Plan
from simulator.scenario.document import Scenario
from simulator.state.ledger import Entry
from simulator.state.world import MAIN, World

BASE_URL = "http://127.0.0.1:8090"
GHU = "ghu_simulated_octocat"
EDITOR = {"Editor-Version": "test/1"}


@dataclass
class Told:
    """What was answered, and what the ledger says of it."""

    plan: Plan
    entry: Entry

    @property
    def status(self) -> int:
        return self.plan.status

    @cached_property
    def body(self) -> bytes:
        if self.plan.whole is not None:
            return self.plan.whole
        return b"".join(step.data for step in self.plan.steps)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The payloads of a plain event stream, decoded; the last one must be [DONE]."""
        *payloads, done, rest = self.body.decode().split("\n\n")
        assert (done, rest) == ("data: [DONE]", "")
        return [json.loads(payload.removeprefix("data: ")) for payload in payloads]

    @property
    def named_events(self) -> list[Any]:
        """The payloads of an event stream whose names are those of the payloads."""
        *events, rest = self.body.decode().split("\n\n")
        assert rest == ""
        payloads = []
        for event in events:
            name, data = event.split("\n")
            payloads.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {payloads[-1]['type']}"
        return payloads


class Now:
    """Wall time that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_795_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Simulated:
    """A world with a clock that stands still, and short ways to ask it."""

    def __init__(
        self, scenario: Mapping[str, Any] | None = None, hosts: Mapping[str, str] | None = None
    ) -> None:
        self.now = Now()
        document = Scenario.model_validate({"seed": 1, **(scenario or {})})
        self.world = World(document, dict(hosts or {}))
        self.world.clock._wall = self.now

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: Any = b"",
        listener: str = MAIN,
    ) -> Told:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        entry = Entry(
            sequence=self.world.ledger.next_number(),
            time=self.now(),
            opened=0.0,
            endpoint="",
            method=method,
            path=path,
            listener=listener,
            host="127.0.0.1:8090",
            headers=(),
        )
        request = Request(
            method, path, CIMultiDict(headers or {}), raw, listener, BASE_URL, "203.0.113.7"
        )
        return Told(answer_request(self.world, request, entry), entry)

    def exchange(self, credential: str = GHU) -> Told:
        return self.ask(
            "GET", "/copilot_internal/v2/token", {"Authorization": f"token {credential}"}
        )

    def token(self, credential: str = GHU) -> str:
        text = self.exchange(credential).json["token"]
        assert isinstance(text, str)
        return text

    def chat(
        self,
        said: Any = "hello",
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
        **fields: Any,
    ) -> Told:
        """A chat request in exchange mode; `said` is the user's message or all messages."""
        return self.post(
            "/chat/completions",
            {"model": "gpt-4o", "messages": _messages(said), **fields},
            headers,
            bearer,
        )

    def responses(
        self,
        said: Any = "hello",
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
        **fields: Any,
    ) -> Told:
        """A Responses request; `said` is the input."""
        body = {"model": "gpt-5.3-codex", "input": said, **fields}
        return self.post("/responses", body, headers, bearer)

    def messages(
        self,
        said: Any = "hello",
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
        **fields: Any,
    ) -> Told:
        """A Messages request; `said` is the user's message or all messages."""
        body = {
            "model": "claude-sonnet-4.6",
            "max_tokens": 4096,
            "messages": _messages(said),
            **fields,
        }
        return self.post("/v1/messages", body, headers, bearer)

    def post(
        self,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
    ) -> Told:
        """A request to the inference API in exchange mode."""
        usual = {"Authorization": f"Bearer {bearer or self.token()}", **EDITOR}
        return self.ask("POST", path, {**usual, **(headers or {})}, body)


def _messages(said: Any) -> Any:
    return said if isinstance(said, list) else [{"role": "user", "content": said}]


def problem(told: Told) -> tuple[int, str]:
    """The status of a refusal, and its code or what else it says."""
    if not told.body.startswith(b"{"):
        return told.status, told.body.decode()
    body = told.json
    error = body.get("error", body)
    return told.status, error.get("code") or error["message"]


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "unit"],
        },
    },
}

# Two accounts, to see what belongs to one of them.
TWO = {
    "accounts": [
        {"login": "octocat", "credentials": ["ghu_simulated_octocat"]},
        {"login": "hubot", "credentials": ["ghu_simulated_hubot"]},
    ]
}
HUBOT = "ghu_simulated_hubot"
VISION = {"Copilot-Vision-Request": "true"}
PARAMETERS = WEATHER["function"]["parameters"]  # type: ignore[index]
