"""Takes out of a request what only the account can read that it came from.

Encrypted reasoning, signatures and ids are sealed for one account (copilot-upstream.md §5.9):
when a conversation has to move, upstream would refuse the request because of them. What goes is
the model's own notes; what was said stays. Where nothing has to go the body stays the same object,
and of one that changes only what must is written anew.

Left as it is, for upstream to refuse: what would take the conversation itself with it. That is
`previous_response_id`, references to stored items, and a `compaction`, all that is left of the
turns it stands for.
"""

import re
from collections.abc import Callable

import msgspec
from msgspec import UNSET, Raw

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.protocols import Protocol
from gateway.domain.streams.chat_chunks import Fields, says

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
_decode_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


_MARKS = (b"chat:", b"messages:", b"responses:")
"""What stands before what a translation has sealed for a model of another protocol: real seals are
base64 and hold no colon (docs/translation/)."""
_TRAVELLED = re.compile(
    rb'"(?:signature|data|encrypted_content|reasoning_opaque)"\s*:\s*"(?:%b)' % b"|".join(_MARKS)
)
_QUOTED_MARKS = tuple(b'"' + mark for mark in _MARKS)
LONGEST_MARK = max(map(len, _QUOTED_MARKS))


def has_foreign_mark(seal: bytes) -> bool:
    """Whether a seal, as it stands in a request, is behind such a mark."""
    return seal.startswith(_QUOTED_MARKS)


def has_travelled(body: bytes) -> bool:
    """Whether a request upstream still holds what came from a model of another protocol.

    Upstream would refuse it; so it does after a conversation has changed its model.
    """
    return _TRAVELLED.search(body) is not None


def strip(protocol: Protocol, body: bytes) -> bytes:
    """The request without what cannot travel; the same object when there is nothing of it."""
    if protocol not in _RULES:
        return body
    words, without = _RULES[protocol]
    if not any(word in body for word in words):
        return body
    try:
        fields = _decode_fields(body)
        changes = without(fields)
    except UNREADABLE:
        return body
    return _encode({**fields, **changes}) if changes else body


# --- chat: fields of messages ---

_CHAT_FIELDS = ("reasoning_opaque", "encrypted_content")


def _chat(request: Fields) -> Fields:
    messages = _list(request, "messages")
    stripped = [_without_opaque(message) for message in messages]
    return _replaced("messages", messages, stripped)


def _without_opaque(raw: Raw) -> Raw:
    if not any(name.encode() in bytes(raw) for name in _CHAT_FIELDS):
        return raw
    message = _decode_fields(raw)
    kept = {name: value for name, value in message.items() if name not in _CHAT_FIELDS}
    return raw if len(kept) == len(message) else Raw(_encode(kept))


# --- messages: blocks of the assistant's content ---


def _messages(request: Fields) -> Fields:
    """Without signed thinking.

    A message of which nothing is left goes as a whole: Anthropic refuses an empty content, and
    takes two turns of one role in a row for one turn. In the middle of a tool's use it wants
    thinking at the front of the assistant's turn as long as thinking is on with a budget, so for
    that request it is turned off, and with it the edits of the context that need it.
    """
    messages = _list(request, "messages")
    stripped = [_without_thinking(message) for message in messages]
    left = [message for message in stripped if message is not None]
    changes = _replaced("messages", messages, left) if left else {}
    if changes and _is_using_tool(left[-1]) and _thinks_by_budget(request):
        changes["thinking"] = Raw(b'{"type":"disabled"}')
        changes |= _without_thinking_edits(request)
    return changes


def _without_thinking(raw: Raw) -> Raw | None:
    """A message without signed thinking; None when it held nothing else."""
    if b"thinking" not in bytes(raw):
        return raw
    message = _decode_fields(raw)
    if _text(message, "role") != "assistant" or not _is_list(message, "content"):
        return raw
    blocks = _list(message, "content")
    kept = [block for block in blocks if not _is_signed(block)]
    if len(kept) == len(blocks):
        return raw
    return Raw(_encode({**message, "content": kept})) if kept else None


def _is_signed(raw: Raw) -> bool:
    block = _object(raw)
    kind = _text(block, "type")
    return kind == "redacted_thinking" or (
        kind == "thinking" and says(block.get("signature", UNSET))
    )


def _is_using_tool(raw: Raw) -> bool:
    """Whether a message gives the result of a tool: the assistant's turn goes on."""
    message = _object(raw)
    blocks = _list(message, "content") if _is_list(message, "content") else []
    return any(_text(_object(block), "type") == "tool_result" for block in blocks)


def _thinks_by_budget(request: Fields) -> bool:
    """`adaptive` thinking does without a block at the front of each turn."""
    return _text(_object(request.get("thinking")), "type") == "enabled"


def _without_thinking_edits(request: Fields) -> Fields:
    management = _object(request.get("context_management"))
    if not _is_list(management, "edits"):
        return {}
    edits = _list(management, "edits")
    kept = [edit for edit in edits if not _text(_object(edit), "type").startswith("clear_thinking")]
    if len(kept) == len(edits):
        return {}
    return {"context_management": Raw(_encode({**management, "edits": kept}))}


# --- responses: items of the input ---

_WITHOUT_IDS = frozenset({"message", "function_call", "custom_tool_call"})
"""Items that need no id. The one they have belongs to the account, and upstream says so."""


def _responses(request: Fields) -> Fields:
    """Without reasoning, which is sealed, and without the ids of what was said and called."""
    if not _is_list(request, "input"):
        return {}
    items = _list(request, "input")
    kept = [_without_id(item) for item in items if not _is_sealed(item)]
    return _replaced("input", items, kept) if kept else {}


def _is_sealed(raw: Raw) -> bool:
    item = _object(raw)
    is_bound = says(item.get("encrypted_content", UNSET)) or says(item.get("id", UNSET))
    return is_bound and _text(item, "type") == "reasoning"


def _without_id(raw: Raw) -> Raw:
    item = _object(raw)
    # A message may leave its type out.
    kind = _text(item, "type") or ("message" if "role" in item else "")
    if "id" not in item or kind not in _WITHOUT_IDS:
        return raw
    return Raw(_encode({name: value for name, value in item.items() if name != "id"}))


_RULES: dict[Protocol, tuple[tuple[bytes, ...], Callable[[Fields], Fields]]] = {
    Protocol.CHAT: (tuple(b'"%b"' % name.encode() for name in _CHAT_FIELDS), _chat),
    Protocol.MESSAGES: ((b'"thinking"', b'"redacted_thinking"'), _messages),
    Protocol.RESPONSES: ((b'"encrypted_content"', b'"id"'), _responses),
}
"""For each protocol: without any of these words there is nothing to do; what to do otherwise."""


def _replaced(name: str, were: list[Raw], are: list[Raw]) -> Fields:
    is_same = len(were) == len(are) and all(a is b for a, b in zip(were, are, strict=True))
    return {} if is_same else {name: Raw(_encode(are))}


def _is_list(fields: Fields, name: str) -> bool:
    return bytes(fields.get(name, Raw(b"null"))).startswith(b"[")


def _list(fields: Fields, name: str) -> list[Raw]:
    return _decode_list(fields[name]) if name in fields else []


def _object(raw: Raw | None) -> Fields:
    return _decode_fields(raw) if raw is not None and bytes(raw).startswith(b"{") else {}


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    said = _decode_value(value) if value is not None and bytes(value).startswith(b'"') else ""
    return str(said)
