"""COMPOSITION of the commands that are no service: each builds what it needs, and closes it."""

from contextlib import AsyncExitStack, suppress

from gateway.adapters.egress import Guard
from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.own_keys import OwnKeys
from gateway.adapters.prometheus import PrometheusEvents
from gateway.adapters.shared_state import SharedState
from gateway.adapters.upstream_pool.upstream import open_upstream
from gateway.assembly import deadlines_of, shared_state_of, token_provider_of
from gateway.bookkeeping import ledger_of
from gateway.cli import pausing
from gateway.cli.doctor import print_steps
from gateway.cli.key_actions import Action
from gateway.cli.migrate import print_migration
from gateway.cli.usage import print_usage
from gateway.doctor import Doctor
from gateway.domain.groups import GroupAccount
from gateway.domain.usage.report import Question
from gateway.ports.usage import LedgerDown
from gateway.settings.document import Settings
from gateway.settings.snapshot import snapshot_of
from gateway.shipping import DAY_SECONDS
from runtime.clock import SystemClock

STORE_SECONDS = 5.0
"""How long `pause` tries to reach the shared store."""


async def examine(settings: Settings, account: GroupAccount, model: str | None, chat: bool) -> bool:
    """Print what an examination of the account finds; whether all of it was good."""
    clock = SystemClock()
    snapshot = snapshot_of(settings)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(token_provider_of(settings.token_service))
        upstream = await stack.enter_async_context(
            open_upstream(
                settings.egress.ca_file,
                Guard(snapshot.private_hosts),
                deadlines_of(settings.limits),
                settings.egress.proxy_url,
            )
        )
        doctor = Doctor(OwnKeys(broker, snapshot.accounts), upstream, clock)
        return await print_steps(account.id, doctor.examine(account, model, chat))


async def report_usage(settings: Settings, question: Question, form: str) -> bool:
    """Print what was used; whether the ledger has said it."""
    ledger = ledger_of(settings.usage)
    try:
        with suppress(LedgerDown):
            # A ledger that no gateway has used yet has no table; what is wrong else, report says.
            await ledger.prepare()
        return await print_usage(ledger, question, form)
    finally:
        await ledger.close()


async def migrate(settings: Settings) -> bool:
    """Bring the ledger's tables up to date and remove old records; whether that could be done."""
    ledger = ledger_of(settings.usage)
    oldest = SystemClock().now() - settings.usage.retention_days * DAY_SECONDS
    try:
        return await print_migration(ledger, oldest)
    finally:
        await ledger.close()


async def on_keys(settings: Settings, action: Action) -> str:
    """Do something with the keys in the database; what it says. Raises KeyProblem, LedgerDown."""
    ledger = ledger_of(settings.usage)
    try:
        await ledger.prepare()
        return await action(ledger.keys())
    finally:
        await ledger.close()


async def set_pause(settings: Settings, kind: str, name: str, is_resumed: bool) -> bool:
    """Pause or resume something for all gateways; whether the shared store has taken it."""
    events = LoggedEvents(PrometheusEvents())
    state = shared_state_of(settings, SystemClock(), events)
    async with state.running():
        change = pausing.resume if is_resumed else pausing.pause
        change(state.board, kind, name)
        return isinstance(state, SharedState) and await state.board.sent(STORE_SECONDS)
