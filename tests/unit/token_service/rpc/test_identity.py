"""What a call presents."""

from typing import Any

import pytest

from token_service.domain.callers import Presented
from token_service.rpc.identity import bearer, certificate


class Call:
    """A call's metadata and what TLS found out about its peer."""

    def __init__(self, *metadata: tuple[str, Any], **peer: list[bytes]) -> None:
        self._metadata = metadata
        self._peer = peer

    def invocation_metadata(self) -> tuple[tuple[str, Any], ...]:
        return self._metadata

    def auth_context(self) -> dict[str, list[bytes]]:
        return self._peer


@pytest.mark.parametrize("value", ["Bearer the-token", "bearer the-token", "BEARER  the-token "])
def test_a_bearer_token(value: str) -> None:
    call = Call(("user-agent", "grpc"), ("authorization", value), ("x", "y"))

    assert bearer(call) == Presented("the-token")


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "the-token"),),
        (("authorization", "Basic dGhlLXRva2Vu"),),
        (("authorization", "Bearer"),),
        (("authorization", b"Bearer the-token"),),
        (("x-authorization", "Bearer the-token"),),
        (("authorization", "Bearer the-token"), ("authorization", "Bearer the-token")),
        (("authorization", "Basic x"), ("authorization", "Bearer the-token")),
    ],
)
def test_no_bearer_token(metadata: tuple[tuple[str, Any], ...]) -> None:
    assert bearer(Call(*metadata)).bearer is None


def test_a_certificates_names_by_their_kind() -> None:
    """What gRPC found in the alternative names; the common name and the subject are not read."""
    call = Call(
        x509_common_name=[b"gateway"],
        x509_subject_alternative_name=[b"spiffe://corp.example/a", b"a.example", b"b.example"],
        peer_spiffe_id=[b"spiffe://corp.example/a"],
        peer_dns=[b"a.example", b"b.example"],
    )

    assert certificate(call) == Presented(
        None, ("spiffe://corp.example/a",), ("a.example", "b.example")
    )


def test_without_tls_there_is_no_certificate() -> None:
    call = Call(("authorization", "Bearer the-token"), x509_common_name=[b"gateway"])

    assert certificate(call) == Presented()
