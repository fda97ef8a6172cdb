"""What `GET /_simulator/state` says: gauges, counts, accounts, grants. No secret is in it."""

from typing import Any

from simulator.state.accounts import Holder
from simulator.state.ledger import Gauge
from simulator.state.world import World

MOST_ACCOUNTS = 100


def state_report(world: World) -> dict[str, Any]:
    """The state of a run."""
    ledger = world.ledger
    return {
        "notice": "copilot-simulator: nothing here is real",
        "description": world.scenario.description,
        "now": world.clock.now(),
        "clock": world.clock.knobs.model_dump(),
        "hosts": world.hosts,
        "open_requests": ledger.gauge.open,
        "most_open_requests": ledger.gauge.most,
        "requests": _counts(world),
        "nano_aiu": ledger.nano_aiu,
        "tokens": len(world.tokens),
        "account_count": len(world.accounts),
        "accounts": _accounts(world),
        "grants": [
            {
                "user_code": grant.user_code,
                "account": grant.account,
                "decision": grant.decision,
                "polls": grant.polls,
                "interval": grant.interval,
            }
            for grant in world.grants.all()
        ],
        "faults": len(world.rulebook.rules),
        "models": list(world.models_by_id),
    }


def _counts(world: World) -> dict[str, dict[str, int]]:
    """Answers that have ended, by endpoint and status; status 0: none was begun."""
    counts: dict[str, dict[str, int]] = {}
    for (endpoint, status), number in sorted(world.ledger.counts.items()):
        counts.setdefault(endpoint, {})[str(status)] = number
    return counts


def _accounts(world: World) -> dict[str, Any]:
    """The first accounts; a crowd would make the report long."""
    return {
        holder.account.login: _account(world, holder)
        for holder in world.accounts.all()[:MOST_ACCOUNTS]
    }


def _account(world: World, holder: Holder) -> dict[str, Any]:
    gauge = world.ledger.gauges_by_account.get(holder.account.login, Gauge())
    return {
        "seat": holder.account.seat,
        "plan": holder.account.plan,
        "exchanges": holder.exchanges,
        "nano_aiu": holder.nano_aiu,
        "open_requests": gauge.open,
        "most_open_requests": gauge.most,
    }
