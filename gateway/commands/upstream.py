"""COMPOSITION of the command that asks the broker and upstream: `doctor`."""

from contextlib import AsyncExitStack

from gateway.adapters.egress import Guard
from gateway.adapters.own_keys import OwnKeys
from gateway.adapters.upstream_pool.upstream import open_upstream
from gateway.assembly import deadlines_of, token_provider_of
from gateway.cli.doctor import print_steps
from gateway.doctor import Doctor
from gateway.domain.groups import GroupAccount
from gateway.settings.document import Settings
from gateway.settings.snapshot import snapshot_of
from runtime.clock import SystemClock


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
