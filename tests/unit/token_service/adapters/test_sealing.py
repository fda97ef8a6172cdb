"""Records that open for nothing and nobody else."""

import itertools

import pytest

from token_service.adapters.sealing import CannotOpen, Keyring
from token_service.domain.credentials import Choice
from token_service.domain.hosts import Site
from token_service.domain.records import RecordRefusal, bound_to
from token_service.domain.tokens import Account, AccountId

OLD, NEW, STRANGE = b"o" * 32, b"n" * 32, b"s" * 32
ACCOUNT = Account(AccountId("a"), Choice.AUTO, Site("https://api.github.com"))
FINGERPRINT = b"f" * 32
BOUND = bound_to("deployment", ACCOUNT, 7, FINGERPRINT)


def opened(keyring: Keyring, record: bytes, bound: bytes = BOUND) -> bytes:
    return keyring.key_of(record).open(record, bound)


def refusal(keyring: Keyring, record: bytes, bound: bytes = BOUND) -> RecordRefusal:
    with pytest.raises(CannotOpen) as raised:
        opened(keyring, record, bound)
    return raised.value.why


def test_what_was_sealed_opens() -> None:
    keyring = Keyring((NEW,))
    record = keyring.sealing.seal(b"token", BOUND)

    assert opened(keyring, record) == b"token"
    assert b"token" not in record
    assert keyring.sealing.seal(b"token", BOUND) != record


@pytest.mark.parametrize(
    "bound",
    [
        bound_to("another", ACCOUNT, 7, FINGERPRINT),
        bound_to(
            "deployment",
            Account(AccountId("b"), Choice.AUTO, Site("https://api.github.com")),
            7,
            FINGERPRINT,
        ),
        bound_to("deployment", ACCOUNT, 8, FINGERPRINT),
        bound_to(
            "deployment",
            Account(AccountId("a"), Choice.AUTO, Site("https://api.acme.ghe.com")),
            7,
            FINGERPRINT,
        ),
        bound_to(
            "deployment",
            Account(AccountId("a"), Choice.GITHUB_APP, Site("https://api.github.com")),
            7,
            FINGERPRINT,
        ),
        bound_to("deployment", ACCOUNT, 7, b"g" * 32),
    ],
    ids=["deployment", "account", "generation", "host", "strategy", "credential"],
)
@pytest.mark.parametrize("keys", [(NEW,), ()], ids=["sealed", "in clear"])
def test_a_record_is_of_no_use_elsewhere(bound: bytes, keys: tuple[bytes, ...]) -> None:
    """Not for another account, deployment, generation, host, strategy or credential."""
    keyring = Keyring(keys)

    assert refusal(keyring, keyring.sealing.seal(b"token", BOUND), bound) is RecordRefusal.FORGED


def test_no_two_bindings_are_the_same_bytes() -> None:
    """Parts cannot flow into each other."""
    one = Account(AccountId("ab"), Choice.AUTO, Site("c"))
    other = Account(AccountId("a"), Choice.AUTO, Site("bc"))

    assert bound_to("x", one, 1, b"") != bound_to("x", other, 1, b"")
    assert bound_to("xa", other, 1, b"") != bound_to("x", one, 1, b"")


@pytest.mark.parametrize("position", range(0, 60, 3))
def test_a_changed_record_does_not_open(position: int) -> None:
    keyring = Keyring((NEW,))
    record = bytearray(keyring.sealing.seal(b"a token of some length", BOUND))
    record[position] ^= 1

    assert refusal(keyring, bytes(record)) in set(RecordRefusal)


@pytest.mark.parametrize("record", [b"", b"S", b"S" + b"\0" * 8, b"P" + b"\0" * 8, b"x" * 100])
@pytest.mark.parametrize("keys", [(NEW,), ()])
def test_what_is_no_record_does_not_open(record: bytes, keys: tuple[bytes, ...]) -> None:
    assert refusal(Keyring(keys), record) in set(RecordRefusal)


def test_keys_are_rotated_by_append_promote_remove() -> None:
    """At each step every replica opens what any other has sealed."""
    steps = [(OLD,), (OLD, NEW), (NEW, OLD), (NEW,)]
    for before, after in itertools.pairwise(steps):
        for one, other in ((before, after), (after, before)):
            if one[0] in other:
                record = Keyring(one).sealing.seal(b"token", BOUND)
                assert opened(Keyring(other), record) == b"token"
    assert Keyring((OLD, NEW)).sealing.name == Keyring((OLD,)).sealing.name


def test_a_record_of_an_unknown_key_is_told_from_a_forged_one() -> None:
    record = Keyring((STRANGE,)).sealing.seal(b"token", BOUND)

    assert refusal(Keyring((NEW, OLD)), record) is RecordRefusal.UNKNOWN_KEY
    assert refusal(Keyring(()), record) is RecordRefusal.UNKNOWN_KEY


def test_who_has_a_key_takes_nothing_in_clear() -> None:
    record = Keyring(()).sealing.seal(b"token", BOUND)

    assert opened(Keyring(()), record) == b"token"
    assert refusal(Keyring((NEW,)), record) is RecordRefusal.NOT_SEALED


def test_a_fingerprint_says_nothing_without_its_key() -> None:
    one, other = Keyring((NEW,)), Keyring((OLD,))

    assert one.sealing.fingerprint(b"digest") == one.sealing.fingerprint(b"digest")
    assert one.sealing.fingerprint(b"digest") != one.sealing.fingerprint(b"another")
    assert one.sealing.fingerprint(b"digest") != other.sealing.fingerprint(b"digest")
    assert Keyring((NEW, OLD)).fingerprints(b"digest") == {
        one.sealing.fingerprint(b"digest"),
        other.sealing.fingerprint(b"digest"),
    }
