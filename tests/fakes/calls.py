"""Calls and groups with everything a test does not care about filled in."""

from dataclasses import replace

from gateway.domain.api_keys import ApiKey
from gateway.domain.call import Call
from gateway.domain.failover import Policy
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.initiator import BY_DEFAULT
from gateway.domain.protocols import Protocol
from gateway.ports.exchange import Exchange

A_KEY = ApiKey(
    id="key-1",
    group="team",
    account=None,
    expires_at=None,
    may_mark_agent=False,
    max_concurrency=None,
    max_waiting=20,
    sha256="ab" * 32,
)
BODY = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'


def a_group(
    *accounts: str | GroupAccount,
    id: str = "team",
    platform: str = "copilot",
    on_quota: str = "stop",
    max_switches: int = 5,
    keys: int = 5,
    aliases: tuple[tuple[str, str], ...] = (),
) -> Group:
    """A group; an account that is only a name has the priority of its place."""
    members = tuple(
        GroupAccount(each, priority=place) if isinstance(each, str) else each
        for place, each in enumerate(accounts)
    )
    policy = Policy(max_switches, "move" if on_quota == "move" else "stop")
    return Group(id, platform, members, failover=policy, keys=keys, aliases=aliases)


def a_call(
    group: Group,
    *,
    key: ApiKey = A_KEY,
    fallback: Group | None = None,
    model: str = "m",
    stream: bool = False,
    conversation: bytes = b"c" * 16,
    body: bytes = BODY,
) -> Call:
    """A chat request of a person."""
    return Call(
        protocol=Protocol.CHAT,
        key=key,
        group=group,
        fallback=fallback,
        model=model,
        stream=stream,
        choices=1,
        wants_usage=True,
        vision=False,
        verdict=BY_DEFAULT,
        conversation=conversation,
        body=body,
        caller_headers={},
    )


def bound_to(account: str) -> ApiKey:
    """A key that may use one account only."""
    return replace(A_KEY, account=account)


def an_exchange(started: float = 0.0) -> Exchange:
    """What is recorded of a request."""
    return Exchange("id", "/v1/chat/completions", started)
