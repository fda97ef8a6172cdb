"""What upstream refuses in a Messages request (§5.3, §5.6, §7.2), and where it says it is.

Pure. That every unknown field is refused like the recorded ones is our reading.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from simulator.wire.messages_request import Block, MessagesRequest, blocks_of

# Prefixes of `anthropic-beta` that upstream accepts (§5.3).
ACCEPTED_BETAS = ("interleaved-thinking", "context-management", "advanced-tool-use")
CONTEXT_MANAGEMENT = "context_management"
CONTEXT_MANAGEMENT_BETA = "context-management"

# Top-level fields that are known without any beta. `inference_geo` is not (§5.6).
FIELDS = frozenset(
    {
        "model", "messages", "system", "max_tokens", "metadata", "stop_sequences", "stream",
        "temperature", "top_k", "top_p", "tools", "tool_choice", "thinking", "output_config",
        "output_format", "service_tier", "container", "mcp_servers",
    }
)  # fmt: skip
METADATA_FIELDS = frozenset({"user_id"})

_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def refused_betas(betas: Sequence[str]) -> list[str]:
    """The betas that upstream does not know."""
    return [beta for beta in betas if not beta.startswith(ACCEPTED_BETAS)]


def first_extra_input(request: MessagesRequest, body: bytes, betas: Sequence[str]) -> str | None:
    """Where the first field is that is not permitted; None if there is none."""
    return next(_extra_inputs(request, _top_level(body), betas), None)


def _extra_inputs(
    request: MessagesRequest, names: Collection[str], betas: Sequence[str]
) -> Iterator[str]:
    has_beta = any(beta.startswith(CONTEXT_MANAGEMENT_BETA) for beta in betas)
    known = FIELDS | {CONTEXT_MANAGEMENT} if has_beta else FIELDS
    yield from (name for name in names if name not in known)
    yield from (
        f"metadata.{name}" for name in request.metadata or () if name not in METADATA_FIELDS
    )
    yield from _of_caching(request)


def _of_caching(request: MessagesRequest) -> Iterator[str]:
    for index, block in enumerate(blocks_of(request.system or "")):
        yield from _scope(block.cache_control, f"system.{index}")
    for index, tool in enumerate(request.tools or ()):
        yield from _scope(tool.cache_control, f"tools.{index}")
    for number, message in enumerate(request.messages):
        for index, block in enumerate(message.blocks):
            place = f"messages.{number}.content.{index}.{block.type}"
            yield from _scope(block.cache_control, place)
            yield from _inside_results(block, place)


def _scope(cache_control: dict[str, Any] | None, place: str) -> Iterator[str]:
    if cache_control and "scope" in cache_control:
        kind = cache_control.get("type", "ephemeral")
        yield f"{place}.cache_control.{kind}.scope"


def _inside_results(block: Block, place: str) -> Iterator[str]:
    """Inside a tool's result nothing may be marked for the cache at all."""
    for index, inner in enumerate(block.inner):
        if inner.cache_control is not None:
            yield f"{place}.content.{index}.cache_control"
