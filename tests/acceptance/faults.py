"""Ways for upstream to fail, as the simulator's rules have them (docs/simulator.md)."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

DATE = "DATE"
DATE_SECONDS = 300.0


def refusal(name: str, **more: Any) -> dict[str, Any]:
    """A row of the simulator's list of refusals."""
    return {"refusal": name, **more}


def respond(kind: str, body: Any) -> dict[str, Any]:
    """A 200 with this in it."""
    return {"respond": {"status": 200, "content_type": kind, "body": body}}


def rate_limit(seconds: str | None, code: str = "rate_limited") -> dict[str, Any]:
    """A 429 in the form that upstream has for it; seconds: its Retry-After."""
    body = {"error": {"message": "rate limit exceeded", "code": code}}
    headers = {} if seconds is None else {"retry-after": seconds}
    return {"respond": {"status": 429, "headers": headers, "body": body}}


def late(fault: Mapping[str, Any]) -> dict[str, Any]:
    """After four events, which go out one by one: the caller has seen three of them."""
    return {"script": {"chunk_delay_seconds": 0.05}, **fault}


def ends(how: str, **where: int) -> dict[str, Any]:
    """The answer ends in this way at this place; without one before its headers."""
    return {"end": {"how": how, **where}}


def rule(account: str, fault: Mapping[str, Any]) -> dict[str, Any]:
    """The fault for whatever is asked of an account."""
    return {"name": account, "match": {"endpoint": "chat", "account": account}, **fault}


def dated(fault: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fault, with a true date, DATE_SECONDS from now, in the place of DATE."""
    headers = fault.get("respond", {}).get("headers", {})
    if headers.get("retry-after") != DATE:
        return fault
    date = formatdate(time.time() + DATE_SECONDS, usegmt=True)
    return {"respond": {**fault["respond"], "headers": {"retry-after": date}}}
