"""What the tests of clients ask: a tool, an image, a form for the answer; and which models.

The simulator calls the first tool when a person spoke last, and quotes what was said last.
"""

from pydantic import BaseModel

from tests.servers.simulator import Seen, Simulator

CHAT, RESPONSES, MESSAGES = "/chat/completions", "/responses", "/v1/messages"
EMBEDDINGS = "/embeddings"
INFERENCE = (CHAT, RESPONSES, MESSAGES, EMBEDDINGS)

GPT = "gpt-4o"  # chat only
CODEX = "gpt-5.3-codex"  # Responses only
CLAUDE = "claude-sonnet-4.6"  # chat and Messages
GEMINI = "gemini-3.1-pro-preview"  # chat only, and thinks

# Which of upstream's endpoints serves a model, by what the caller speaks.
SERVED_CHAT = {GPT: CHAT, CLAUDE: CHAT, CODEX: RESPONSES}
SERVED_RESPONSES = {CODEX: RESPONSES, CLAUDE: MESSAGES, GPT: CHAT}
SERVED_MESSAGES = {CLAUDE: MESSAGES, CODEX: RESPONSES, GPT: CHAT, GEMINI: CHAT}

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
PIXEL_URL = f"data:image/png;base64,{PIXEL}"

TOOL = "get_weather"
ABOUT_TOOL = "The weather at a place"
PLACE = {
    "type": "object",
    "properties": {"location": {"type": "string"}},
    "required": ["location"],
    "additionalProperties": False,
}
WEATHER = "22 degrees and sunny"


class Forecast(BaseModel):
    """A form that an answer can be asked to have."""

    place: str
    degrees: int
    sunny: bool


def reached(simulator: Simulator) -> list[Seen]:
    """The inference requests that upstream got, in their order."""
    return [each for each in simulator.ledger() if each.path in INFERENCE]


def the_one(simulator: Simulator) -> Seen:
    """The only inference request that upstream got."""
    (seen,) = reached(simulator)
    return seen


def initiators(simulator: Simulator) -> list[str | None]:
    """Who set each of them off, as upstream was told."""
    return [each.initiator for each in reached(simulator)]


def assert_one_loop(simulator: Simulator, path: str) -> None:
    """A person asked and then a tool answered, on one endpoint of one account."""
    assert initiators(simulator) == ["user", "agent"]
    assert {seen.path for seen in reached(simulator)} == {path}
    assert len({seen.account for seen in reached(simulator)}) == 1


def answers_with(simulator: Simulator, **script: object) -> None:
    """Have upstream answer so until the test is over: the keys of `chat` in its scenario."""
    # A script stands in for all of the scenario's `chat`.
    simulator.faults({"script": {"chunk_delay_seconds": 0, **script}})


def calls_at_once(simulator: Simulator, number: int) -> None:
    """Have upstream call so many tools in an answer."""
    answers_with(simulator, parallel_tool_calls=number)
