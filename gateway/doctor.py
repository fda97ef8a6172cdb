"""USE CASE: examines one account step by step: credential, exchange, host, models, one chat.

Each step says in words what was found and, where it failed, what an operator can do. Sends the
same requests as the relay does, and judges the answers by the same tables.
"""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from gateway.answers import refusal_of
from gateway.domain import models
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import GroupAccount
from gateway.domain.headers import Outgoing, attempt
from gateway.domain.initiator import Initiator
from gateway.domain.models import Model
from gateway.domain.platforms.table import PLATFORMS
from gateway.domain.protocols import Protocol
from gateway.domain.unreachable import Reason, UpstreamUnreachable
from gateway.domain.whole.chat import repair
from gateway.ports.clock import Clock
from gateway.ports.tokens import AccountToken, TokenProvider
from gateway.ports.upstream import Upstream, UpstreamRequest

MAX_BYTES = 4 * 1024 * 1024
CHEAP_MODELS = ("gpt-5-mini", "gpt-4.1", "gpt-4o-mini", "gpt-4o")
"""Tried in this order for the one chat; they cost little or nothing (copilot-upstream.md §5.5)."""
SHOWN_MODELS = 8
QUESTION = "Answer with the word OK."

ADVICE: dict[Fault, str] = {
    Fault.SEAT_UNKNOWN: "add the account to token-service.yaml, or correct its id here",
    Fault.SEAT_CREDENTIAL: "obtain a new credential: python -m token_service login",
    Fault.SEAT_NO_ACCESS: "look at the seat's Copilot subscription and policies on GitHub",
    Fault.SEAT_TOKEN_UNAVAILABLE: "GitHub gives no token at the moment: wait, see its status page",
    Fault.SEAT_TOKEN_REJECTED: "Copilot refuses the seat's tokens: see the broker's log",
    Fault.SEAT_WRONG_HOST: "add the host to the account's allowed_hosts if it is the right one",
    Fault.SEAT_FORBIDDEN: "a policy of the organization keeps this seat from Copilot Chat",
    Fault.SEAT_IDENTITY: "set client_identity in token-service.yaml: upstream wants an editor",
    Fault.SEAT_QUOTA: "the seat's quota is used up: wait for its reset, or allow overage",
    Fault.SEAT_RATE_LIMITED: "the seat is at a rate limit: wait",
    Fault.UPSTREAM_CLIENT_REFUSED: "set client_identity.api_version, or read the terms it names",
    Fault.UPSTREAM_UNAVAILABLE: "upstream fails at the moment: wait, see its status page",
    Fault.UPSTREAM_TIMEOUT: "check egress.proxy_url and network policies: the host does not answer",
    Fault.GATEWAY_TOKEN_SERVICE: "check token_service.target, tls and token_file, and its /readyz",
}
TO_REACH: dict[Reason, str] = {
    Reason.NAME_NOT_FOUND: "check the host's name, this machine's DNS, or set egress.proxy_url",
    Reason.NOT_ALLOWED: "the name leads to private addresses only: name it in egress.private_hosts",
    Reason.REFUSED: "nothing listens there, or a firewall refuses: check the host and its port",
    Reason.NO_ROUTE: "check this machine's routes, firewall and network policies (egress)",
    Reason.TIMED_OUT: "check egress.proxy_url and network policies: nothing answers",
    Reason.NO_ROOM: "all connections are in use: more gateways, or lower max_concurrency",
    Reason.PROXY_UNREACHABLE: "check egress.proxy_url: the proxy is not found or does not answer",
    Reason.PROXY_REFUSED: "the proxy does not let this host through: see its rules and its log",
    Reason.CERTIFICATE: "nobody trusted vouches for the host: set egress.ca_file, or see its "
    "certificate's names and dates",
    Reason.NO_TLS: "what answers does not speak TLS: check the port, and https:// or http://",
    Reason.TLS_FAILED: "the host refuses TLS as it is spoken here: it has to take TLS 1.2 or 1.3",
    Reason.CLOSED: "it ends the connection unanswered: see its log, and that of what lies between",
    Reason.CLOSED_IDLE: "it closed a connection that was idle: try again",
    Reason.NO_HTTP: "what answers does not speak HTTP/1.1: check the port, and https:// or http://",
    Reason.NOT_SENDABLE: "the URL, or a header of client_identity, cannot be sent: correct it",
    Reason.OTHER: "check DNS, egress.proxy_url, egress.ca_file and network policies",
}
"""What to do where upstream cannot be reached; the words are those of its log lines."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the examination found."""

    name: str
    is_good: bool
    text: str


class Doctor:
    """Examines accounts."""

    def __init__(self, tokens: TokenProvider, upstream: Upstream, clock: Clock) -> None:
        self._tokens = tokens
        self._upstream = upstream
        self._clock = clock

    async def examine(
        self, account: GroupAccount, model: str | None, with_chat: bool
    ) -> AsyncIterator[Step]:
        """The steps as they come; the first bad one is the last. Raises nothing."""
        name = "credential and exchange" if account.api_key is None else "API key"
        try:
            token = await self._tokens.get(account.id)
            yield Step(name, True, _of_token(account, token))
            name = "host and models"
            found = await self._models(account, token)
            yield Step(name, True, _of_models(token, found))
            if not with_chat:
                return
            name = "chat"
            chosen = model or _cheapest(found)
            yield Step(name, True, await self._chat(account, token, chosen))
        except GatewayError as error:
            yield Step(name, False, _explained(error))

    async def _models(self, account: GroupAccount, token: AccountToken) -> tuple[Model, ...]:
        request = _request(account, token, "GET", "/models", None)
        names_endpoints = PLATFORMS[account.platform].names_endpoints
        return models.parse(await self._read(request, account.platform), names_endpoints)

    async def _chat(self, account: GroupAccount, token: AccountToken, model: str) -> str:
        body = msgspec.json.encode(
            {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
        )
        path = PLATFORMS[account.platform].paths[Protocol.CHAT]
        began = self._clock.monotonic()
        answer = await self._read(_request(account, token, "POST", path, body), account.platform)
        repair(answer, created=int(self._clock.now()))
        return f"{model} answered in {self._clock.monotonic() - began:.1f} s"

    async def _read(self, request: UpstreamRequest, platform: str) -> bytes:
        async with self._upstream.send(request) as reply:
            if reply.status != 200:
                raise await refusal_of(reply, self._clock.now(), platform)
            return await reply.read(MAX_BYTES)


def _request(
    account: GroupAccount, token: AccountToken, method: str, path: str, body: bytes | None
) -> UpstreamRequest:
    return UpstreamRequest(
        method=method,
        url=token.api_base_url + path,
        headers=attempt(
            PLATFORMS[account.platform].standing(
                Outgoing(
                    token_value=token.value,
                    token_headers=token.headers,
                    initiator=Initiator.USER if body is not None else None,
                )
            ),
            {},
            str(uuid.uuid4()),
        ),
        body=body,
    )


def _of_token(account: GroupAccount, token: AccountToken) -> str:
    host = urlsplit(token.api_base_url).netloc
    if account.api_key is not None:
        return f"from the configuration, for {host}"
    sent = ", ".join(sorted(token.headers)) or "none"
    how = f"by {token.strategy}" if token.strategy else "of its own"
    return f"the broker has a living token {how}, for {host}; client headers: {sent}"


def _of_models(token: AccountToken, found: tuple[Model, ...]) -> str:
    shown = ", ".join(model.id for model in found[:SHOWN_MODELS])
    more = f" and {len(found) - SHOWN_MODELS} more" if len(found) > SHOWN_MODELS else ""
    return f"{urlsplit(token.api_base_url).netloc} answers and lists {len(found)}: {shown}{more}"


def _cheapest(found: tuple[Model, ...]) -> str:
    ids = {model.id for model in found}
    for model in CHEAP_MODELS:
        if model in ids:
            return model
    if not found:
        raise GatewayError(Fault.CALLER_MODEL_NOT_FOUND, "The seat has no model at all.")
    return found[0].id


def _explained(error: GatewayError) -> str:
    if isinstance(error, UpstreamUnreachable):
        # Not when to try again: whoever asks waits for nothing but the cause.
        return f"{error.fault.value}: {error.reason.value}\n  {TO_REACH[error.reason]}"
    advice = ADVICE.get(error.fault)
    wait = f" (again in {error.retry_after:.0f} s)" if error.retry_after is not None else ""
    return f"{error.fault.value}: {error.message}{wait}" + (f"\n  {advice}" if advice else "")
