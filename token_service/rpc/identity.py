"""Who calls: what a call presents, and the caller it was found to be while it is answered.

Reads grpc; judges nothing. A method learns its caller from `caller_of`, which fails for a call
that nobody was admitted for: forgetting to ask who calls cannot turn into letting everyone in.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from token_service.domain.callers import Caller, Presented

SCHEME = "bearer "
# Set in the call's own task, in which grpc.aio also runs the method.
_CALLER: ContextVar[Caller] = ContextVar("caller")

NOTHING = Presented()


def nothing(context: Any) -> Presented:
    """Mode none."""
    return NOTHING


def bearer(context: Any) -> Presented:
    """Modes tokens and kubernetes: `authorization: Bearer …`, given once."""
    found = None
    for key, value in context.invocation_metadata():
        if key == "authorization":
            if found is not None:
                return NOTHING
            found = value
    if not isinstance(found, str) or found[: len(SCHEME)].lower() != SCHEME:
        return NOTHING
    return Presented(found[len(SCHEME) :].strip())


def certificate(context: Any) -> Presented:
    """Mode mtls: what stands in the certificate that the TLS handshake has verified.

    gRPC sorts the subject's alternative names by their kind: a DNS name that is spelt like a
    SPIFFE id is not one.
    """
    peer = context.auth_context()
    return Presented(
        spiffe_ids=_texts(peer.get("peer_spiffe_id", ())),
        dns_names=_texts(peer.get("peer_dns", ())),
    )


def _texts(values: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(value.decode("utf-8", "replace") for value in values)


def caller_of(context: Any) -> Caller:
    """The caller of the call that `context` belongs to. Raises LookupError outside of one."""
    return _CALLER.get()


def admit(caller: Caller) -> None:
    """From here on the running task answers this caller."""
    _CALLER.set(caller)
