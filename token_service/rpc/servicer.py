"""The RPC's methods: proto ⇄ domain, the caller's deadline, and what the caller may see.

Decides nothing else. An account the caller may not use is answered like one that is not there.
Errors of the domain leave the methods as they are, for the interceptor to translate.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Protocol

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1 import token_service_pb2_grpc as pb_grpc
from token_service.domain.errors import AccountNotFound
from token_service.domain.freshness import Freshness
from token_service.domain.leases import AccountState, AccountView, Lease, Removed
from token_service.ports.clock import Clock
from token_service.rpc.identity import caller_of
from token_service.rpc.status import duration

_STATES = {
    Freshness.FRESH: pb.TOKEN_STATE_FRESH,
    Freshness.RENEW_SOON: pb.TOKEN_STATE_RENEW_SOON,
    Freshness.STALE: pb.TOKEN_STATE_STALE,
}
_ACCOUNT_STATES = {
    AccountState.IDLE: pb.ACCOUNT_STATE_IDLE,
    AccountState.READY: pb.ACCOUNT_STATE_READY,
    AccountState.RETRYING: pb.ACCOUNT_STATE_RETRYING,
    AccountState.FAILED: pb.ACCOUNT_STATE_FAILED,
}


class Tokens(Protocol):
    """The broker as this file uses it. What its methods raise is TokenServiceError."""

    async def get(self, account: str, min_ttl: float = 0.0, patience: float | None = None) -> Lease:
        """The account's token. Raises TimeoutError too."""
        ...

    async def invalidate(self, account: str, token_id: str, reason: str) -> str:
        """The id of the token that is current now."""
        ...

    def watch(self, accounts: Sequence[str]) -> AsyncGenerator[Lease | Removed, None]:
        """Each account's token, then each newer one."""
        ...

    def listing(self) -> list[AccountView]:
        """Every account."""
        ...

    def is_direct(self, account: str) -> bool:
        """Whether the account's tokens are its GitHub credential; False for one that is not."""
        ...


class TokenServiceServicer(pb_grpc.TokenServiceServicer):
    """The RPC."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    async def GetCopilotToken(
        self, request: pb.GetCopilotTokenRequest, context: grpc.ServicerContext
    ) -> pb.GetCopilotTokenResponse:
        self._check(request.account, context)
        min_ttl = _seconds(request.min_ttl) if request.HasField("min_ttl") else 0.0
        patience: float | None = context.time_remaining()
        lease = await self._tokens.get(request.account, min_ttl, patience)
        return pb.GetCopilotTokenResponse(token=_token(lease, self._clock.now()))

    async def WatchCopilotToken(
        self, request: pb.WatchCopilotTokenRequest, context: grpc.ServicerContext
    ) -> AsyncIterator[pb.WatchCopilotTokenResponse]:
        hidden = {name for name in request.accounts if name and not self._may_use(name, context)}
        for account in sorted(hidden):
            yield pb.WatchCopilotTokenResponse(removed_account=account)
        async with aclosing(self._tokens.watch(request.accounts)) as changes:
            async for change in changes:
                if _account_of(change) not in hidden:
                    yield self._change(change)

    async def InvalidateCopilotToken(
        self, request: pb.InvalidateCopilotTokenRequest, context: grpc.ServicerContext
    ) -> pb.InvalidateCopilotTokenResponse:
        self._check(request.account, context)
        current = await self._tokens.invalidate(request.account, request.token_id, request.reason)
        return pb.InvalidateCopilotTokenResponse(token_id=current)

    async def ListAccounts(
        self, request: pb.ListAccountsRequest, context: grpc.ServicerContext
    ) -> pb.ListAccountsResponse:
        visible = [each for each in self._tokens.listing() if self._may_use(each.id, context)]
        return pb.ListAccountsResponse(accounts=map(_account, visible))

    def _check(self, account: str, context: grpc.ServicerContext) -> None:
        # The empty name is the broker's to refuse: it is nobody's account.
        if account and not self._may_use(account, context):
            raise AccountNotFound("no such account, or not one this caller may use")

    def _may_use(self, account: str, context: grpc.ServicerContext) -> bool:
        return caller_of(context).may_use(account, self._tokens.is_direct(account))

    def _change(self, change: Lease | Removed) -> pb.WatchCopilotTokenResponse:
        if isinstance(change, Removed):
            return pb.WatchCopilotTokenResponse(removed_account=change.account)
        return pb.WatchCopilotTokenResponse(token=_token(change, self._clock.now()))


def _account_of(change: Lease | Removed) -> str:
    return change.account if isinstance(change, Removed) else change.token.account


def _seconds(value: Duration) -> float:
    return value.seconds + value.nanos / 1e9


def _token(lease: Lease, now: float) -> pb.CopilotToken:
    """now: seconds since the epoch, only to show people when the renewal is meant to be."""
    token = lease.token
    return pb.CopilotToken(
        value=token.value,
        account=token.account,
        api_base_url=token.api_base_url,
        expires_at=_timestamp(token.expires_at),
        refresh_at=_timestamp(now + lease.refresh_in),
        generation=token.generation,
        sku=token.sku,
        strategy=token.strategy.value,
        state=_STATES[lease.state],
        headers=token.headers,
        expires_in=duration(lease.expires_in),
        refresh_in=duration(lease.refresh_in),
        token_id=token.token_id,
    )


def _account(view: AccountView) -> pb.Account:
    return pb.Account(
        id=view.id,
        strategy=view.strategy,
        state=_ACCOUNT_STATES[view.state],
        expires_at=_timestamp(view.expires_at) if view.expires_at is not None else None,
        failure_reason=view.failure_reason,
    )


def _timestamp(seconds: float) -> Timestamp:
    return Timestamp(seconds=int(seconds))
