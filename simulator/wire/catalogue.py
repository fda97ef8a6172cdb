"""The built-in catalogue: about fifteen models with the oddities of the recorded one (§5.5).

Owns what the simulator knows of each model; models_body.py writes it as JSON. Limits of
claude-sonnet-4.6 and prices in its manner are the reference's; other figures are invented.
"""

from dataclasses import dataclass
from enum import StrEnum

CHAT = "/chat/completions"
RESPONSES = "/responses"
MESSAGES = "/v1/messages"
EMBEDDINGS = "/embeddings"


class Family(StrEnum):
    """Whose answers a model's have the shape of (§6.1-§6.3)."""

    GPT = "gpt"
    CLAUDE = "claude"
    GEMINI = "gemini"


@dataclass(frozen=True)
class Prices:
    """Credits per million tokens (§5.5)."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True)
class Model:
    """One model. supported_endpoints None: the entry does not say, which means chat only.

    reasons: whether it thinks before it answers, if asked to.
    """

    id: str
    name: str
    vendor: str
    family: Family = Family.GPT
    snapshot: str = ""
    kind: str = "chat"
    supported_endpoints: tuple[str, ...] | None = (CHAT,)
    enabled: bool = True
    has_policy: bool = True
    prices: Prices = Prices()
    context_tokens: int = 128_000
    prompt_tokens: int = 128_000
    output_tokens: int = 16_384
    images: int = 0
    refuses_max_tokens: bool = False
    request_headers: tuple[tuple[str, str], ...] = ()
    picker: bool = True
    bare: bool = False
    reasons: bool = False

    @property
    def answers_as(self) -> str:
        """The dated name that answers carry; often not the one asked for."""
        return self.snapshot or self.id

    @property
    def dated(self) -> str:
        """The name in Anthropic's own form, with a date (§6.5)."""
        return f"{self.id.replace('.', '-')}-20260115"

    def serves(self, path: str) -> bool:
        """Whether the model stands behind this path (§5.4)."""
        if self.kind == "embeddings":
            return path == EMBEDDINGS
        return path in (self.supported_endpoints or (CHAT,))


CATALOGUE: tuple[Model, ...] = (
    # The first three say nothing of endpoints, as 23 of the 41 recorded entries.
    Model("gpt-4o-mini", "GPT-4o mini", "Azure OpenAI", snapshot="gpt-4o-mini-2024-07-18",
          supported_endpoints=None, has_policy=False, prices=Prices(15, 60, 8), picker=False,
          prompt_tokens=64_000, output_tokens=4_096),
    Model("gpt-4o", "GPT-4o", "Azure OpenAI", snapshot="gpt-4o-2024-11-20",
          supported_endpoints=None, has_policy=False, prices=Prices(250, 1000, 125), images=1),
    Model("gpt-4.1", "GPT-4.1", "Azure OpenAI", snapshot="gpt-4.1-2025-04-14",
          supported_endpoints=None, has_policy=False, prices=Prices(200, 800, 50), images=1),
    Model("gpt-5-mini", "GPT-5 mini", "Azure OpenAI", snapshot="gpt-5-mini-2025-08-07",
          supported_endpoints=(CHAT, RESPONSES), prices=Prices(25, 200, 3), images=1,
          context_tokens=264_000, output_tokens=64_000, refuses_max_tokens=True, reasons=True),
    Model("gpt-5.3-codex", "GPT-5.3-Codex", "OpenAI",
          supported_endpoints=(RESPONSES, "ws:/responses"), prices=Prices(175, 1400, 18),
          images=1, context_tokens=400_000, prompt_tokens=272_000, output_tokens=128_000,
          refuses_max_tokens=True, reasons=True),
    Model("gpt-5.4", "GPT-5.4", "OpenAI",
          supported_endpoints=(RESPONSES, "ws:/responses"), prices=Prices(250, 1500, 25),
          images=10, context_tokens=400_000, prompt_tokens=272_000, output_tokens=128_000,
          refuses_max_tokens=True, reasons=True),
    Model("claude-sonnet-4.6", "Claude Sonnet 4.6", "Anthropic", Family.CLAUDE,
          supported_endpoints=(CHAT, MESSAGES), prices=Prices(300, 1500, 30, 375), images=5,
          context_tokens=200_000, prompt_tokens=168_000, output_tokens=32_000, reasons=True),
    Model("claude-haiku-4.5", "Claude Haiku 4.5", "Anthropic", Family.CLAUDE,
          supported_endpoints=(CHAT, MESSAGES), prices=Prices(100, 500, 10, 125), images=5,
          context_tokens=200_000, output_tokens=32_000,
          request_headers=(("x-simulated-model-header", "haiku"),), reasons=True),
    # Its holder has not accepted the terms: calls fail as if there were no such model.
    Model("claude-opus-4.5", "Claude Opus 4.5", "Anthropic", Family.CLAUDE, enabled=False,
          supported_endpoints=(CHAT, MESSAGES), prices=Prices(500, 2500, 50, 625), images=5,
          context_tokens=200_000, output_tokens=32_000, reasons=True),
    Model("gemini-3.1-pro-preview", "Gemini 3.1 Pro (Preview)", "Google", Family.GEMINI,
          supported_endpoints=(CHAT,), prices=Prices(200, 1200, 20), images=10,
          output_tokens=64_000, reasons=True),
    Model("text-embedding-3-small", "Embedding V3 small", "Azure OpenAI", kind="embeddings",
          supported_endpoints=None, has_policy=False, prices=Prices(2), picker=False),
    Model("text-embedding-ada-002", "Embedding V2 Ada", "Azure OpenAI", kind="embeddings",
          supported_endpoints=None, has_policy=False, prices=Prices(10), picker=False),
    # The same id twice, as recorded for two ids.
    Model("gpt-4", "GPT 4", "Azure OpenAI", snapshot="gpt-4-0613", supported_endpoints=None,
          has_policy=False, picker=False, prompt_tokens=32_768, output_tokens=4_096),
    Model("gpt-4", "GPT 4", "Azure OpenAI", snapshot="gpt-4-0613", supported_endpoints=None,
          has_policy=False, picker=False, prompt_tokens=32_768, output_tokens=4_096),
    # An internal entry, and one with most fields missing.
    Model("accounts/msft/routers/simulated", "Internal router", "Azure OpenAI",
          supported_endpoints=(CHAT,), has_policy=False, picker=False),
    Model("oswe-vscode-simulated", "", "", supported_endpoints=None, bare=True),
)  # fmt: skip
