"""The control endpoint under `/_simulator/`: what tests and people do to a running simulator.

Each route is documented in docs/simulator.md (a test fails until it is). No authorization:
it listens where the simulator listens, and nothing in it is real.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, get_args
from urllib.parse import parse_qs, unquote

from aiohttp import web

from simulator.endpoints.answering import SERVER, unknown_refusals
from simulator.endpoints.expecting import DECODERS, expected
from simulator.scenario.accounts import Part
from simulator.scenario.document import ClockKnobs, Scenario
from simulator.scenario.faults import Endpoint
from simulator.scenario.reading import ScenarioError, judge, parse, parse_scenario, parse_yaml
from simulator.state.grants import Decision
from simulator.state.ledger import Filter
from simulator.state.overlap import Property, most_at_once
from simulator.state.world import World
from simulator.web.state_report import state_report
from simulator.wire.answer import encode
from simulator.wire.capi_refusals import REFUSALS

CONTROL_PREFIX = "/_simulator/"


@dataclass(frozen=True)
class Order:
    """One control request: the variable part of its path, its query, its body as text."""

    name: str
    query: dict[str, str]
    text: str


class NoSuchThing(Exception):
    """What the path names does not exist."""


class Control:
    """Answers control requests."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, method: str, path: str, query: str, body: bytes) -> web.Response:
        """One control request; problems come as 400 with a list, unknown things as 404."""
        act, name = _find(method, path)
        if act is None:
            return _json({"problems": [f"no such control route: {method} {path}"]}, 404)
        fields = {key: values[-1] for key, values in parse_qs(query).items()}
        order = Order(name, fields, body.decode("utf-8", "replace"))
        try:
            return _json(act(self._world, order))
        except ScenarioError as error:
            return _json({"problems": list(error.problems)}, 400)
        except NoSuchThing as missing:
            return _json({"problems": [str(missing)]}, 404)


def _json(content: Any, status: int = 200) -> web.Response:
    headers = {"Content-Type": "application/json; charset=utf-8", "Server": SERVER}
    return web.Response(status=status, headers=headers, body=encode(content))


# --- what can be ordered ----------------------------------------------------------------------


def _get_state(world: World, order: Order) -> Any:
    return state_report(world)


def _put_scenario(world: World, order: Order) -> Any:
    world.load(parse_scenario(order.text, unknown_refusals))
    return {"loaded": world.scenario.description}


def _reset(world: World, order: Order) -> Any:
    world.reset()
    return {"reset": True}


def _get_faults(world: World, order: Order) -> Any:
    rules = world.rulebook.rules
    return [
        {"met": r.met, "applied": r.applied, "fault": r.fault.model_dump(exclude_defaults=True)}
        for r in rules
    ]


def _add_faults(world: World, order: Order) -> Any:
    content, problems = parse_yaml(order.text)
    listed = content if isinstance(content, list) else [content]
    scenario = judge({"faults": listed}, Scenario, problems)
    unknown = unknown_refusals(scenario)
    if unknown:
        raise ScenarioError(*unknown)
    try:
        world.rulebook.add(scenario.faults)
    except ValueError as error:
        raise ScenarioError(str(error)) from None
    return {"rules": len(world.rulebook.rules)}


def _remove_faults(world: World, order: Order) -> Any:
    return {"removed": world.rulebook.remove(order.query.get("name"))}


def _get_ledger(world: World, order: Order) -> Any:
    wanted = _filter(order.query, order.query.get("limit", "1000"))
    return [entry.as_json() for entry in world.ledger.select(wanted)]


def _get_overlap(world: World, order: Order) -> Any:
    by = order.query.get("by", "account")
    if by not in get_args(Property):
        raise ScenarioError(f"by must be one of {', '.join(get_args(Property))}")
    entries = world.ledger.select(_filter(order.query, str(sys.maxsize)))
    if "endpoint" not in order.query:
        entries = (entry for entry in entries if entry.endpoint in DECODERS)
    return most_at_once(entries, cast(Property, by))


def _filter(query: dict[str, str], limit: str) -> Filter:
    try:
        return Filter(
            endpoint=query.get("endpoint"),
            account=query.get("account"),
            model=query.get("model"),
            marker=query.get("marker"),
            outcome=query.get("outcome"),
            status=int(query["status"]) if "status" in query else None,
            since=int(query.get("since", "0")),
            limit=int(limit),
        )
    except ValueError:
        raise ScenarioError("status, since and limit must be whole numbers") from None


class Question(Part):
    """What is asked of `expected`: a request's body, and the endpoint it would go to."""

    endpoint: Endpoint
    body: dict[str, Any]


def _expect(world: World, order: Order) -> Any:
    question = parse(order.text, Question)
    answer = expected(world, question.endpoint, encode(question.body))
    if answer is None:
        raise ScenarioError("no model answers this")
    return answer


def _clear_ledger(world: World, order: Order) -> Any:
    world.ledger.clear()
    return {"cleared": True}


def _get_issued(world: World, order: Order) -> Any:
    return {"issued": world.issued()}


def _change_account(world: World, order: Order) -> Any:
    content, problems = parse_yaml(order.text)
    changes = dict(content) if isinstance(content, dict) else {}
    if problems or (content is not None and not isinstance(content, dict)):
        raise ScenarioError(*(problems or ["must be a mapping of settings"]))
    if changes.get("refusal") is not None and changes["refusal"] not in REFUSALS:
        raise ScenarioError("refusal: no such refusal")
    revoke_tokens = bool(changes.pop("revoke_tokens", False))
    revoke_credentials = bool(changes.pop("revoke_credentials", False))
    holder = world.accounts.change(order.name, changes)
    if holder is None:
        raise NoSuchThing(f"no such account: {order.name}")
    revoked = world.tokens.revoke(order.name) if revoke_tokens else 0
    if revoke_credentials:
        world.accounts.forget_credentials(holder)
    return {"account": holder.account.model_dump(mode="json"), "revoked_tokens": revoked}


def _decide(decision: Decision) -> "Act":
    def act(world: World, order: Order) -> Any:
        grant = world.grants.by_user_code(order.name)
        if grant is None:
            raise NoSuchThing(f"no such user code: {order.name}")
        content, _ = parse_yaml(order.text)
        if isinstance(content, dict) and "account" in content:
            grant.account = str(content["account"])
        grant.decision = decision
        return {"user_code": grant.user_code, "account": grant.account, "decision": decision}

    return act


def _set_clock(world: World, order: Order) -> Any:
    content, problems = parse_yaml(order.text)
    current = world.clock.knobs.model_dump()
    if content is not None and not isinstance(content, dict):
        raise ScenarioError("must be a mapping of settings")
    world.clock.knobs = judge({**current, **(content or {})}, ClockKnobs, problems)
    return {**world.clock.knobs.model_dump(), "now": world.clock.now()}


# --- where it is ordered ----------------------------------------------------------------------

Act = Callable[[World, Order], Any]

# `*` stands for one name in the path.
CONTROL_ROUTES: dict[tuple[str, str], Act] = {
    ("GET", "/_simulator/state"): _get_state,
    ("PUT", "/_simulator/scenario"): _put_scenario,
    ("POST", "/_simulator/reset"): _reset,
    ("GET", "/_simulator/faults"): _get_faults,
    ("POST", "/_simulator/faults"): _add_faults,
    ("DELETE", "/_simulator/faults"): _remove_faults,
    ("GET", "/_simulator/ledger"): _get_ledger,
    ("DELETE", "/_simulator/ledger"): _clear_ledger,
    ("GET", "/_simulator/overlap"): _get_overlap,
    ("POST", "/_simulator/expected"): _expect,
    ("GET", "/_simulator/issued"): _get_issued,
    ("POST", "/_simulator/clock"): _set_clock,
    ("POST", "/_simulator/accounts/*"): _change_account,
    ("POST", "/_simulator/device/*/grant"): _decide(Decision.GRANTED),
    ("POST", "/_simulator/device/*/deny"): _decide(Decision.DENIED),
}


def _find(method: str, path: str) -> tuple[Act | None, str]:
    """The act behind a path, and the name in it."""
    act = CONTROL_ROUTES.get((method, path))
    if act is not None:
        return act, ""
    steps = path.split("/")
    if len(steps) < 4:
        return None, ""
    name = unquote(steps[3])
    steps[3] = "*"
    return CONTROL_ROUTES.get((method, "/".join(steps))), name
