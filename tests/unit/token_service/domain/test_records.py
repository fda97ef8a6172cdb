"""What lies in the shared store."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.token_source import grant
from tests.fakes.token_store import token_of
from token_service.domain import failures
from token_service.domain.credentials import Strategy
from token_service.domain.errors import CredentialRejected, NoCopilotAccess, Reason
from token_service.domain.records import (
    failure_from_bytes,
    failure_to_bytes,
    may_be_shared,
    numbered,
    token_from_bytes,
    token_to_bytes,
)
from token_service.domain.tokens import AccountId

SEAT = AccountId("a")
TOKEN = token_of(SEAT, grant("secret"), 7, obtained=100.0, refresh_after=1500.0)
MINE = b"m" * 32


def test_a_token_comes_back_as_it_was() -> None:
    """Its age is turned from the store's clock to this process's."""
    content = token_to_bytes(TOKEN, obtained_at=5_000_000)
    back = token_from_bytes(content, SEAT, 7, now=900.0, store_now=65_000_000)

    assert back.obtained == 840.0
    assert token_to_bytes(back, 5_000_000) == content
    assert (back.account, back.generation, back.headers) == (SEAT, 7, TOKEN.headers)


def test_an_age_is_never_negative() -> None:
    """A store whose clock was set back makes no token younger than it can be."""
    content = token_to_bytes(TOKEN, obtained_at=65_000_000)

    assert token_from_bytes(content, SEAT, 7, now=900.0, store_now=5_000_000).obtained == 900.0


@given(st.binary(max_size=300) | st.text(max_size=60).map(str.encode))
def test_no_bytes_can_do_more_than_be_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        token_from_bytes(content, SEAT, 1, 0.0, 0)
    with pytest.raises(ValueError, match=r"."):
        failure_from_bytes(content, 0.0, {MINE})


@pytest.mark.parametrize("name", ["value", "life", "strategy", "headers", "obtained_at"])
def test_a_token_without_a_part_is_none(name: str) -> None:
    content = token_to_bytes(TOKEN, 0).replace(f'"{name}"'.encode(), b'"other"')

    with pytest.raises(ValueError, match=r".") as raised:
        token_from_bytes(content, SEAT, 1, 0.0, 0)
    assert "secret" not in str(raised.value)


def test_a_failure_comes_back_for_the_same_credential_only() -> None:
    """What failed with a replaced credential says nothing of the new one."""
    error = NoCopilotAccess("no seat", metadata={"notification_id": "spammy_user"}, detail="mine")
    content = failure_to_bytes(failures.after(None, error, 10.0, 0.0), MINE)
    back = failure_from_bytes(content, 77.0, {b"x" * 32, MINE})

    assert back is not None
    assert (back.until, back.attempts, back.is_permanent) == (77.0, 1, True)
    assert (back.error.message, back.error.metadata) == ("no seat", error.metadata)
    assert back.error.detail == ""
    assert failure_from_bytes(content, 77.0, {b"x" * 32}) is None


@pytest.mark.parametrize("reason", [CredentialRejected.reason, Reason.INTERNAL])
def test_reasons_keep_their_kind(reason: Reason) -> None:
    kind = failures.Failure(CredentialRejected("x"), 3, 0.0)
    content = failure_to_bytes(kind, MINE).replace(b"CREDENTIAL_REJECTED", reason.value.encode())
    back = failure_from_bytes(content, 0.0, {MINE})

    assert back is not None
    assert (back.error.reason, back.attempts) == (reason, 3)


@pytest.mark.parametrize(
    ("stored", "known", "is_continuous", "number"),
    [
        (7, 0, True, 8),
        (7, 7, True, 8),
        (0, 0, True, 1000 << 10),
        (7, 0, False, 1000 << 10),
        (7, 9, True, 1000 << 10),
        (2000 << 10, 0, False, (2000 << 10) + 1),
    ],
)
def test_numbers_go_on_where_nothing_can_be_missing(
    stored: int, known: int, is_continuous: bool, number: int
) -> None:
    """Otherwise they start above everything that was given out up to now (design §6)."""
    assert numbered(stored, known, is_continuous, wall=1.0, stride=0) == number
    assert numbered(stored, known, is_continuous, wall=1.0, stride=5) in (number, number + 5)


@pytest.mark.parametrize(
    ("strategy", "value", "is_sealed", "shared"),
    [
        (Strategy.EXCHANGE, "tid=1", False, True),
        (Strategy.EXCHANGE, "tid=1", True, True),
        (Strategy.DIRECT, "gho_x", True, False),
        (Strategy.GITHUB_APP, "ghs_x", True, True),
        (Strategy.GITHUB_APP, "ghs_x", False, False),
    ],
)
def test_a_credential_of_githubs_is_shared_sealed_or_not_at_all(
    strategy: Strategy, value: str, is_sealed: bool, shared: bool
) -> None:
    """The store never holds one in clear (design §2, invariant 1)."""
    assert may_be_shared(strategy, value, is_sealed) is shared
