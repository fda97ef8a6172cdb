"""Makes a request fit what Copilot takes: fields it refuses are renamed or left out, by a table.

Each row names its source. A request that needs nothing goes on as the very bytes it came in; of one
that does, every other value does. What is left out is listed in docs/translation.md.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol

Fields = dict[str, msgspec.Raw]

COMPLETION_TOKENS_MODELS = ("gpt-5", "o1", "o3", "o4")
"""400 "Unsupported parameter: 'max_tokens' is not supported with this model" (§5.6, §7.2)."""

NOT_IN_RESPONSES = ("max_output_tokens", "client_metadata", "service_tier")
"""The first is refused, the last ignored (§5.6); `client_metadata` is Codex's own and unknown."""
NOT_AS_TOOLS = frozenset({"image_generation", "web_search", "web_search_preview"})
"""Tool types that third-party proxies drop for Codex (§5.6)."""

IN_MESSAGES = frozenset(
    {"model", "messages", "system", "max_tokens", "metadata", "stop_sequences", "stream"}
    | {"temperature", "top_k", "top_p", "tools", "tool_choice", "thinking", "output_config"}
    | {"output_format", "context_management"}
)
""""Extra inputs are not permitted" (§7.2): `inference_geo` and whatever else is new goes."""
CONTEXT_MANAGEMENT = "context_management"
CONTEXT_MANAGEMENT_BETA = "context-management"
ACCEPTED_BETAS = ("interleaved-thinking", "context-management", "advanced-tool-use")
"""Prefixes of `anthropic-beta` that upstream accepts (§5.3)."""
MAX_BETAS = 50

WITHOUT_ID = frozenset({"message", "function_call", "custom_tool_call", "reasoning"})
"""Items that Codex itself sends without their ids. Upstream's differ from event to event, so that
the one a caller saw may not be the one that is taken back (§6.4)."""

_read = msgspec.json.Decoder(Fields).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Typed(msgspec.Struct):
    type: str = ""


_read_type = msgspec.json.Decoder(_Typed).decode


def fit(protocol: Protocol, body: bytes, model: str, betas: tuple[str, ...] = ()) -> bytes:
    """The body as upstream takes it; the same object when it fits.

    protocol: upstream's. model: by upstream's name. betas: those that are sent (`kept_betas`).
    """
    match protocol:
        case Protocol.CHAT:
            return _fit_chat(body, model)
        case Protocol.RESPONSES:
            return _fit_responses(body)
        case Protocol.MESSAGES:
            return _fit_messages(body, betas)
        case Protocol.EMBEDDINGS:
            return body


def without_effort(body: bytes) -> bytes:
    """A translated chat request for a model that cannot be told how much to think (§5.5).

    Claude Code always says so; whoever asks for such a model wants its answer all the same.
    """
    if b'"reasoning_effort"' not in body:
        return body
    fields = _read(body)
    fields.pop("reasoning_effort", None)
    return msgspec.json.encode(fields)


def kept_betas(header: str | None) -> tuple[str, ...]:
    """Those of a caller's `anthropic-beta` that upstream accepts."""
    named = (each.strip() for each in (header or "").split(",")[:MAX_BETAS])
    return tuple(each for each in named if each.startswith(ACCEPTED_BETAS))


def _fit_chat(body: bytes, model: str) -> bytes:
    if b'"max_tokens"' not in body or not model.startswith(COMPLETION_TOKENS_MODELS):
        return body
    fields = _read(body)
    limit = fields.pop("max_tokens", None)
    if limit is None:
        return body
    fields.setdefault("max_completion_tokens", limit)
    return msgspec.json.encode(fields)


def _fit_responses(body: bytes) -> bytes:
    names = [name for name in NOT_IN_RESPONSES if f'"{name}"'.encode() in body]
    may_have_tools = any(f'"{kind}"'.encode() in body for kind in NOT_AS_TOOLS)
    may_have_ids = b'"id"' in body
    if not names and not may_have_tools and not may_have_ids:
        return body
    fields = _read(body)
    changed = [fields.pop(name, None) is not None for name in names]
    changed.append(may_have_tools and _drop_tools(fields))
    changed.append(may_have_ids and _drop_ids(fields))
    return msgspec.json.encode(fields) if any(changed) else body


def _drop_ids(fields: Fields) -> bool:
    try:
        items = _read_list(fields["input"])
    except (KeyError, msgspec.DecodeError):
        return False
    fitted = [_without_id(item) for item in items]
    if all(new is old for new, old in zip(fitted, items, strict=True)):
        return False
    kept = [item for item in fitted if item is not None]
    fields["input"] = msgspec.Raw(msgspec.json.encode(kept))
    return True


def _without_id(raw: msgspec.Raw) -> msgspec.Raw | None:
    """The item without its id; None for one that is nothing but an id."""
    try:
        item = _read(raw)
        kind = _read_type(raw).type or ("message" if "role" in item else "")
    except msgspec.DecodeError:
        return raw
    if "id" not in item or kind not in WITHOUT_ID:
        return raw
    if kind == "reasoning" and "encrypted_content" not in item:
        # Its id leads nowhere: upstream keeps no answers (§5.6).
        return None
    del item["id"]
    return msgspec.Raw(msgspec.json.encode(item))


def _drop_tools(fields: Fields) -> bool:
    try:
        tools = _read_list(fields["tools"])
        kept = [tool for tool in tools if _read_type(tool).type not in NOT_AS_TOOLS]
    except (KeyError, msgspec.DecodeError):
        return False
    if len(kept) == len(tools):
        return False
    if kept:
        fields["tools"] = msgspec.Raw(msgspec.json.encode(kept))
    else:
        del fields["tools"]
        fields.pop("tool_choice", None)
    return True


def _fit_messages(body: bytes, betas: tuple[str, ...]) -> bytes:
    fields = _read(body)
    has_beta = any(beta.startswith(CONTEXT_MANAGEMENT_BETA) for beta in betas)
    known = IN_MESSAGES if has_beta else IN_MESSAGES - {CONTEXT_MANAGEMENT}
    kept = {name: value for name, value in fields.items() if name in known}
    changed = len(kept) < len(fields)
    for name, change in (("metadata", _user_only), *_suspects(body)):
        if name in kept:
            value = change(kept[name])
            changed = changed or value is not kept[name]
            kept[name] = value
    return msgspec.json.encode(kept) if changed else body


def _suspects(body: bytes) -> Iterator[tuple[str, Callable[[msgspec.Raw], msgspec.Raw]]]:
    """Where something may stand that upstream refuses, if there is any of it at all."""
    if b'"thinking"' in body:
        yield "messages", _without_unsigned
    if b'"cache_control"' in body:
        yield from ((name, _with_plain_marks) for name in ("system", "tools", "messages"))


def _user_only(raw: msgspec.Raw) -> msgspec.Raw:
    """`metadata` may have a `user_id` and nothing else."""
    value = msgspec.json.decode(raw)
    if not isinstance(value, dict) or set(value) <= {"user_id"}:
        return raw
    return msgspec.Raw(msgspec.json.encode({k: v for k, v in value.items() if k == "user_id"}))


def _with_plain_marks(raw: msgspec.Raw) -> msgspec.Raw:
    """Without `cache_control.scope` anywhere, and without `cache_control` in a tool's result."""
    value = msgspec.json.decode(raw)
    try:
        return msgspec.Raw(msgspec.json.encode(value)) if _plain(value, False) else raw
    except RecursionError:
        raise GatewayError(Fault.CALLER_BODY_INVALID, "The body is nested too deeply.") from None


def _without_unsigned(raw: msgspec.Raw) -> msgspec.Raw:
    """Without thinking that nobody signed, which another protocol's model left in the history."""
    turns = msgspec.json.decode(raw)
    kept = [turn for turn in map(_signed_only, turns) if turn is not None]
    return raw if kept == turns else msgspec.Raw(msgspec.json.encode(kept))


def _signed_only(turn: Any) -> Any:
    """The turn without such thinking; None where nothing else was in it."""
    content = turn.get("content") if isinstance(turn, dict) else None
    if not isinstance(content, list):
        return turn
    kept = [block for block in content if not _is_unsigned(block)]
    if len(kept) == len(content):
        return turn
    return {**turn, "content": kept} if kept else None


def _is_unsigned(block: Any) -> bool:
    is_thinking = isinstance(block, dict) and block.get("type") == "thinking"
    return is_thinking and not block.get("signature")


def _plain(value: Any, is_in_result: bool) -> bool:
    """Take the marks out of a value; whether there were any."""
    if isinstance(value, list):
        # Not any(): each has to be looked at.
        return sum([_plain(each, is_in_result) for each in value]) > 0
    if not isinstance(value, dict):
        return False
    has_changed = False
    mark = value.get("cache_control")
    if mark is not None and is_in_result:
        del value["cache_control"]
        has_changed = True
    elif isinstance(mark, dict) and mark.pop("scope", None) is not None:
        has_changed = True
    content = value.get("content")
    inside = is_in_result or value.get("type") == "tool_result"
    return _plain(content, inside) or has_changed
