"""TokenProvider over token_client: the broker's errors become the gateway's."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from gateway.domain.errors import Fault, GatewayError
from gateway.ports.tokens import AccountToken
from token_client.client import TokenClient
from token_client.errors import BrokerUnreachable, TokenError, TokenRefused
from token_client.files import Tls
from token_client.token import Token
from token_client.watch import MAX_ACCOUNTS

FAULTS: dict[str, tuple[Fault, str]] = {
    "ACCOUNT_NOT_FOUND": (Fault.SEAT_UNKNOWN, "The group's account is not known to the broker."),
    "CALLER_UNAUTHENTICATED": (
        Fault.GATEWAY_TOKEN_SERVICE,
        "The token broker does not accept this gateway.",
    ),
    "CREDENTIAL_REJECTED": (
        Fault.SEAT_CREDENTIAL,
        "GitHub does not accept the seat's credential any more; its operator has to renew it.",
    ),
    "CREDENTIAL_KIND_UNSUPPORTED": (
        Fault.SEAT_CREDENTIAL,
        "The seat's kind of credential cannot be used this way; its operator has to look.",
    ),
    "NO_COPILOT_ACCESS": (Fault.SEAT_NO_ACCESS, "The seat has no access to Copilot."),
    "HOST_NOT_ALLOWED": (
        Fault.SEAT_WRONG_HOST,
        "GitHub names a host for the seat that is not allowed here; its operator has to look.",
    ),
    "TOKEN_REJECTED_UPSTREAM": (
        Fault.SEAT_TOKEN_UNAVAILABLE,
        "Copilot keeps refusing the seat's tokens; try again later.",
    ),
    "GITHUB_RATE_LIMITED": (
        Fault.SEAT_TOKEN_UNAVAILABLE,
        "GitHub limits how often the seat's token can be renewed; try again later.",
    ),
    "GITHUB_UNAVAILABLE": (
        Fault.SEAT_TOKEN_UNAVAILABLE,
        "GitHub gives no token for the seat at the moment; try again later.",
    ),
    "OVERLOADED": (Fault.GATEWAY_TOKEN_SERVICE, "The token broker is overloaded; try again later."),
    "DRAINING": (Fault.GATEWAY_TOKEN_SERVICE, "The token broker is restarting; try again."),
}
"""Every reason of protos/token_service/v1; a test holds this against the proto's list."""

UNREACHABLE = "The token broker cannot be reached; try again."
UNKNOWN = "The token broker gives no token for the seat."
UNREACHABLE_RETRY_SECONDS = 2.0
REFUSED_BY_UPSTREAM = "401 from the Copilot API"


class ClientTokenProvider:
    """Tokens from the broker."""

    def __init__(self, client: TokenClient) -> None:
        self._client = client
        self._usable: dict[str, tuple[Token, AccountToken]] = {}
        """By account: its latest token, and the same in the words of the port, made once."""

    async def get(self, account: str) -> AccountToken:
        """See ports.tokens.TokenProvider."""
        token = self._client.peek(account)
        if token is None:
            self._usable.pop(account, None)
            try:
                token = await self._client.get(account)
            except TokenError as error:
                raise translate(error) from error
        known = self._usable.get(account)
        return known[1] if known is not None and known[0] is token else self._learn(token)

    async def invalidate(self, account: str, token_id: str) -> AccountToken | None:
        """See ports.tokens.TokenProvider."""
        try:
            token = await self._client.invalidate(account, token_id, REFUSED_BY_UPSTREAM)
        except TokenError:
            return None
        return None if token is None else self._learn(token)

    def _learn(self, token: Token) -> AccountToken:
        found = _usable(token)
        if len(self._usable) >= MAX_ACCOUNTS:
            self._usable.clear()
        self._usable[token.account] = token, found
        return found


@asynccontextmanager
async def open_token_provider(
    target: str,
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    token_file: Path | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> AsyncIterator[ClientTokenProvider]:
    """The provider for the broker at a gRPC target, while the context lasts.

    Plaintext without any of the first three files. Raises UnusableFiles.
    """
    tls = Tls(ca_file, cert_file, key_file) if ca_file or cert_file or key_file else None
    async with TokenClient(
        target, tls=tls, token_file=token_file, interceptors=interceptors
    ) as client:
        yield ClientTokenProvider(client)


def translate(error: TokenError) -> GatewayError:
    """The gateway's error for the client's. The broker's own text stays in the log's reach only."""
    if isinstance(error, BrokerUnreachable):
        wait = error.retry_after or UNREACHABLE_RETRY_SECONDS
        return GatewayError(Fault.GATEWAY_TOKEN_SERVICE, UNREACHABLE, retry_after=wait)
    fault, message = FAULTS.get(error.reason, (Fault.SEAT_TOKEN_UNAVAILABLE, UNKNOWN))
    retry_after = None if isinstance(error, TokenRefused) else error.retry_after
    return GatewayError(fault, message, retry_after=retry_after)


def _usable(token: Token) -> AccountToken:
    return AccountToken(
        account=token.account,
        value=token.value,
        token_id=token.token_id,
        api_base_url=token.api_base_url,
        headers=token.headers,
        strategy=token.strategy,
    )
