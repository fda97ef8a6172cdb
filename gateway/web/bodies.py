"""From a request's body to a Call, one reader for each protocol."""

from collections.abc import Callable, Mapping
from typing import Protocol as Contract

import msgspec

from gateway.domain import initiator, vision
from gateway.domain.call import Call
from gateway.domain.conversations import Fields, conversation_of
from gateway.domain.groups import check_model
from gateway.domain.initiator import Said, Verdict
from gateway.domain.protocols import Protocol
from gateway.domain.requests import chat, embeddings, messages, responses
from gateway.domain.requests.oddities import NONE, Oddities
from gateway.web.context import Caller, Context


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """What came, and from whom."""

    context: Context
    caller: Caller
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Nothing that was said, and no header."""
        return f"Incoming({self.caller.key.id!r}, {len(self.body)} bytes)"

    @property
    def said(self) -> Said:
        """What the caller says of the initiator."""
        return Said(self.headers.get("x-initiator"), self.caller.key.may_mark_agent)


def read_chat(incoming: Incoming) -> Call:
    """A chat request. Raises GatewayError."""
    view = chat.parse(incoming.body)
    return _call(
        incoming,
        Protocol.CHAT,
        view.model,
        view,
        lambda: chat.first_messages(view),
        stream=bool(view.stream),
        vision=vision.in_chat(view),
        verdict=initiator.judge_chat(view.messages, incoming.said),
        choices=view.n or 1,
        wants_usage=view.wants_usage,
    )


def read_responses(incoming: Incoming) -> Call:
    """A Responses request. Raises GatewayError."""
    view = responses.parse(incoming.body)
    scan = incoming.context.scan_history
    return _call(
        incoming,
        Protocol.RESPONSES,
        view.model,
        view,
        lambda: responses.first_messages(view),
        stream=bool(view.stream),
        vision=vision.in_responses(view),
        verdict=initiator.judge_responses(view.items, incoming.said, scan),
    )


def read_messages(incoming: Incoming) -> Call:
    """A Messages request. Raises GatewayError."""
    view = messages.parse(incoming.body)
    return _call(
        incoming,
        Protocol.MESSAGES,
        view.model,
        view,
        lambda: messages.first_messages(view),
        stream=bool(view.stream),
        vision=vision.in_messages(view),
        verdict=initiator.judge_messages(view.messages, incoming.said),
    )


def read_embeddings(incoming: Incoming) -> Call:
    """An embeddings request. Raises GatewayError."""
    view = embeddings.parse(incoming.body)
    body = embeddings.fitted(incoming.body, view)
    return _call(
        Incoming(incoming.context, incoming.caller, incoming.headers, body),
        Protocol.EMBEDDINGS,
        view.model,
        _Nameless(),
        # Texts to embed are no conversation: any account serves the next ones as well.
        lambda: body[:1024],
        stream=False,
        vision=False,
        verdict=initiator.judge_other(incoming.said),
    )


class _View(Fields, Contract):
    """What every reader has of a body."""

    @property
    def oddities(self) -> Oddities: ...


class _Nameless:
    prompt_cache_key = None
    user_id = None
    oddities = NONE


def _call(
    incoming: Incoming,
    protocol: Protocol,
    model: str,
    fields: _View,
    first_messages: Callable[[], bytes],
    *,
    stream: bool,
    vision: bool,
    verdict: Verdict,
    choices: int = 1,
    wants_usage: bool = False,
) -> Call:
    caller = incoming.caller
    check_model(caller.group, model)
    return Call(
        protocol=protocol,
        key=caller.key,
        group=caller.group,
        fallback=incoming.context.fallback_of(caller.group),
        model=model,
        stream=stream,
        choices=choices,
        wants_usage=wants_usage,
        vision=vision,
        verdict=verdict,
        conversation=conversation_of(incoming.headers, fields, first_messages, caller.key.sha256),
        body=incoming.body,
        caller_headers=incoming.headers,
        oddities=fields.oddities,
    )


READERS: Mapping[Protocol, Callable[[Incoming], Call]] = {
    Protocol.CHAT: read_chat,
    Protocol.RESPONSES: read_responses,
    Protocol.MESSAGES: read_messages,
    Protocol.EMBEDDINGS: read_embeddings,
}
