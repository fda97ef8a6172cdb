"""Requests of every kind with a canary wherever a caller's own content may stand.

Each place has a canary of its own, so that one that gets out says where it came from. Model names
are the one text of the caller's that is kept, and have none.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CANARY = "canary7319"
"""In every one of them."""
PLACES = (
    *("prompt", "system", "answer", "tool-name", "tool-description", "tool-argument", "call-id"),
    *("tool-result", "image-url", "file-name", "metadata", "session", "user", "stop"),
)
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
IMAGE = base64.b64encode(f"\x89PNG\r\n\x1a\n{CANARY}-image ".encode("latin-1")).decode()
DATA_URL = f"data:image/png;base64,{IMAGE}"
HEADERS = {
    "user-agent": f"{CANARY}-user-agent",
    "x-session-id": f"{CANARY}-session-header",
    "x-stainless-lang": f"{CANARY}-header",
    "referer": f"https://{CANARY}.example/",
    "cookie": f"c={CANARY}-cookie",
    "openai-organization": f"{CANARY}-organization",
    "anthropic-beta": f"interleaved-thinking-{CANARY}",
}


def in_place(place: str) -> str:
    """The canary of a place."""
    assert place in PLACES, place
    return f"{CANARY}-{place}"


def traces() -> tuple[str, ...]:
    """All that a canary may look like elsewhere: itself, in hex, in base64 at any place of it."""
    in_base64 = (base64.b64encode(b" " * before + CANARY.encode()) for before in range(3))
    # The first and the last characters are of the neighbours too.
    return (
        CANARY,
        CANARY.upper(),
        CANARY.encode().hex(),
        *(each[4:12].decode() for each in in_base64),
    )


@dataclass(frozen=True)
class Request:
    """One request. leaves_at: after so many bytes of the answer the caller is gone."""

    path: str
    body: Mapping[str, Any] = field(repr=False)
    leaves_at: int | None = None
    query: str = f"?beta={CANARY}-query"


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": in_place("tool-description")}},
    "required": ["city"],
}
ARGUMENTS = f'{{"city": "{in_place("tool-argument")}"}}'
TOOL = in_place("tool-name")


def chat(model: str, *, stream: bool, **more: Any) -> dict[str, Any]:
    """Chat completions: a conversation with a tool's result and an image in it."""
    call = {
        "id": in_place("call-id"),
        "type": "function",
        "function": {"name": TOOL, "arguments": ARGUMENTS},
    }
    described = {"name": TOOL, "description": in_place("tool-description"), "parameters": SCHEMA}
    told: list[dict[str, Any]] = [
        {"role": "system", "content": in_place("system")},
        {"role": "user", "content": in_place("prompt")},
        {"role": "assistant", "content": in_place("answer"), "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": in_place("tool-result")},
    ]
    parts = [
        {"type": "text", "text": f"without tools: {in_place('prompt')}"},
        {"type": "image_url", "image_url": {"url": DATA_URL}},
    ]
    return {
        "model": model,
        "stream": stream,
        "messages": [*told, {"role": "user", "content": parts}],
        "tools": [{"type": "function", "function": described}],
        "user": in_place("user"),
        "prompt_cache_key": in_place("session"),
        **more,
    }


def responses(model: str, *, stream: bool, **more: Any) -> dict[str, Any]:
    """Responses, likewise."""
    call_id = in_place("call-id")
    call = {"type": "function_call", "call_id": call_id, "name": TOOL, "arguments": ARGUMENTS}
    result = {"type": "function_call_output", "call_id": call_id, "output": in_place("tool-result")}
    parts = [
        {"type": "input_text", "text": f"without tools: {in_place('prompt')}"},
        {"type": "input_image", "image_url": DATA_URL},
    ]
    return {
        "model": model,
        "stream": stream,
        "instructions": in_place("system"),
        "input": [
            {"role": "user", "content": in_place("prompt")},
            {"role": "assistant", "content": in_place("answer")},
            *(call, result),
            {"role": "user", "content": parts},
        ],
        "tools": [
            {
                "type": "function",
                "name": TOOL,
                "description": in_place("tool-description"),
                "parameters": SCHEMA,
            }
        ],
        "prompt_cache_key": in_place("session"),
        **more,
    }


def messages(model: str, *, stream: bool, **more: Any) -> dict[str, Any]:
    """Messages, likewise."""
    call_id = in_place("call-id")
    used = {"type": "tool_use", "id": call_id, "name": TOOL, "input": {"city": CANARY}}
    result = {"type": "tool_result", "tool_use_id": call_id, "content": in_place("tool-result")}
    source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
    return {
        "model": model,
        "stream": stream,
        "max_tokens": 200,
        "system": in_place("system"),
        "messages": [
            {"role": "user", "content": in_place("prompt")},
            {"role": "assistant", "content": [{"type": "text", "text": in_place("answer")}, used]},
            {"role": "user", "content": [result]},
            {"role": "assistant", "content": in_place("answer")},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": f"without tools: {in_place('prompt')}"},
                    {"type": "image", "source": source},
                ],
            },
        ],
        "tools": [
            {
                "name": TOOL,
                "description": in_place("tool-description"),
                "input_schema": SCHEMA,
            }
        ],
        "metadata": {"user_id": in_place("user")},
        **more,
    }


MODELS = ("gpt-4o", "claude-sonnet-4.6", "gpt-5-mini")
"""Between them each protocol has a model of its own and one that is translated, each way."""


def served(stream: bool) -> Iterator[Request]:
    """Those that are answered, native and translated."""
    for model in MODELS:
        yield Request(CHAT, chat(model, stream=stream))
        yield Request(RESPONSES, responses(model, stream=stream))
        yield Request(MESSAGES, messages(model, stream=stream))


def left(at: int) -> Iterator[Request]:
    """Callers that are gone after so many bytes of their streams; 0: before these begin."""
    session = f"{in_place('session')}-{at}"
    yield Request(CHAT, chat("gpt-4o", stream=True, prompt_cache_key=session), at)
    yield Request(CHAT, chat("gpt-5-mini", stream=True, prompt_cache_key=session), at)
    yield Request(RESPONSES, responses("gpt-5-mini", stream=True, prompt_cache_key=session), at)
    user = {"user_id": session}
    yield Request(MESSAGES, messages("gpt-5-mini", stream=True, metadata=user), at)


def refused() -> Iterator[Request]:
    """What upstream or the gateway takes offence at; the gateway where it cannot translate."""
    file = {"type": "input_file", "filename": in_place("file-name"), "file_data": DATA_URL}
    asked = {"role": "user", "content": [file]}
    url = {"type": "image_url", "image_url": {"url": f"https://{in_place('image-url')}/a.png"}}
    linked = {"role": "user", "content": [url]}
    yield Request(RESPONSES, {"model": "gpt-5-mini", "input": [asked]})
    yield Request(RESPONSES, {"model": "gpt-4o", "input": [asked]})
    yield Request(RESPONSES, {"model": "claude-sonnet-4.6", "input": [asked]})
    for model in MODELS:
        yield Request(CHAT, {"model": model, "messages": [linked]})
    yield Request(RESPONSES, responses("gpt-4o", stream=False, previous_response_id=CANARY))
    yield Request(RESPONSES, responses("claude-sonnet-4.6", stream=True, conversation=CANARY))
    yield Request(MESSAGES, messages("gpt-5-mini", stream=False, container=CANARY))
    yield Request(CHAT, chat("gpt-5-mini", stream=True, stop=[in_place("stop")], n=3))
    yield Request(CHAT, chat("claude-sonnet-4.6", stream=True, functions=[{"name": CANARY}]))
    yield Request(CHAT, chat("no-such-model", stream=False))
    yield Request(MESSAGES, messages("no-such-model", stream=True))
    yield Request(CHAT, {"model": "gpt-4o", "messages": in_place("prompt")})
    yield Request(CHAT, {"model": "gpt-4o", "messages": [], "stream": in_place("prompt")})
    yield Request(MESSAGES, {"model": "gpt-4o", "max_tokens": CANARY, "messages": []})
    yield Request(CHAT, {in_place("metadata"): in_place("metadata")})
    yield Request("/v1/embeddings", {"model": "gpt-4o", "input": in_place("prompt")})
    yield Request(f"/v1/files/{CANARY}", {"name": in_place("file-name")})
    yield Request(f"/v1/responses/{CANARY}/cancel", {})


def counted() -> Iterator[Request]:
    """What is no conversation."""
    model = "text-embedding-3-small"
    yield Request("/v1/embeddings", {"model": model, "input": [in_place("prompt")]})
    yield Request("/v1/messages/count_tokens", messages("claude-sonnet-4.6", stream=False))


# --- an upstream that quotes ----------------------------------------------------------------------

QUOTED = f"{CANARY}-quoted"
"""What no caller is told but in the one refusal that is about its own request."""
ERROR = {"error": {"message": QUOTED, "code": f"{CANARY}-code", "type": QUOTED, "param": QUOTED}}
MOST_QUOTED_HEADERS = {
    "x-github-request-id": f"{CANARY}-request-id",
    "retry-after": f"{CANARY}-later",
    "x-quota-snapshot-chat": f"ent={CANARY}&rem=1.0&rst={CANARY}",
    f"x-quota-snapshot-{CANARY}": "ent=100&rem=1.0&ov=0.0&ovPerm=false",
    "x-copilot-service-request-id": f"{CANARY}-service",
}
OF_MODELS = ["chat", "responses", "messages"]


def quoting(name: str, **what: Any) -> dict[str, Any]:
    """A rule of the simulator, for all three protocols."""
    return {"name": name, "match": {"endpoint": OF_MODELS}, **what}


def failures() -> Iterator[dict[str, Any]]:
    """Upstreams that quote the request in whatever they say."""
    for status in (400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503, 504, 529):
        said = {"status": status, "headers": MOST_QUOTED_HEADERS, "body": ERROR}
        yield quoting(f"{status}", respond=said)
    page = f"<html><body>{QUOTED}</body></html>"
    yield quoting("page", respond={"status": 502, "body": page, "content_type": "text/html"})
    yield quoting("text", respond={"status": 400, "body": QUOTED, "content_type": "text/plain"})
    yield quoting("garbage", respond={"status": 200, "body": QUOTED, "content_type": "text/plain"})
    yield quoting("half", respond={"status": 200, "body": f'{{"choices": [{QUOTED}'})
    yield quoting("in 200", error_in_200={"code": f"{CANARY}-code", "message": QUOTED})
    event = {"after_events": 2, "code": f"{CANARY}-code", "message": QUOTED}
    yield quoting("event", error_event=event)
    yield quoting("cut", end={"how": "reset", "after_events": 3})
    yield quoting("headers", headers=MOST_QUOTED_HEADERS)


LAST_FAILURE = quoting(
    "466", respond={"status": 466, "headers": MOST_QUOTED_HEADERS, "body": ERROR}
)
"""After it no account is asked for a while."""


def meeting(failure: str) -> Iterator[Request]:
    """Asked once with each of them, in conversations of their own: these live on other seats."""
    session = f"{in_place('session')}-{failure}"
    yield Request(CHAT, chat("gpt-4o", stream=False, prompt_cache_key=session))
    yield Request(CHAT, chat("gpt-5-mini", stream=True, prompt_cache_key=session))
    user = {"user_id": session}
    yield Request(MESSAGES, messages("gpt-5-mini", stream=True, metadata=user))


# --- not even requests ----------------------------------------------------------------------------


def broken(port: int, key: str) -> Iterator[bytes]:
    """What no HTTP library sends; each is a connection of its own."""
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    allowed = f"{head}x-api-key: {key}\r\n"
    yield f"POST /{CANARY} {CANARY}\r\n\r\n".encode()
    yield f"{CANARY} {CHAT} HTTP/1.1\r\nHost: g\r\n\r\n".encode()
    yield f"{head}{CANARY}: \x00{CANARY}\r\n\r\n".encode()
    yield f"{head}{CANARY}-{'x' * 70_000}: a\r\n\r\n".encode()
    yield f"{head}x-api-key: {CANARY}-wrong\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    yield f"{allowed}Authorization: Bearer {CANARY}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    yield f"{allowed}Content-Length: {CANARY}\r\n\r\n".encode()
    yield f"{allowed}Content-Encoding: {CANARY}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    body = f'{{"model": "gpt-4o", "messages": [{CANARY}'
    yield f"{allowed}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    gzip = f"{allowed}Content-Encoding: gzip\r\nContent-Length: {len(CANARY)}\r\n\r\n{CANARY}"
    yield gzip.encode()
    yield f"{allowed}Content-Length: 5000\r\n\r\n{body}".encode()
