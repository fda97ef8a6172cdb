"""The company's own keys: how one is made, told from a typo, and looked up.

A key is `cgw_` + 32 base-62 characters (190 random bits) + 6 characters of checksum. Scanners
recognise it by prefix and checksum; the gateway stores only its SHA-256. Any other string works
as a key too if its SHA-256 is configured.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.domain.budgets.budget import Budget
from gateway.domain.errors import Fault, GatewayError

PREFIX = "cgw_"
RANDOM_CHARACTERS = 32
CHECKSUM_CHARACTERS = 6
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UNREAD_SECONDS = 5.0
"""After which the database's keys may have been read."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How much a key may ask for in a minute; None does not limit."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    """Input and output together."""

    @property
    def limits_anything(self) -> bool:
        """Whether there is anything to check."""
        return (self.requests_per_minute, self.tokens_per_minute) != (None, None)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a key may do. The key itself is not here."""

    id: str
    group: str
    account: str | None
    """The only account this key may use; None leaves the choice to the group."""
    expires_at: float | None
    """Seconds since the epoch."""
    may_mark_agent: bool
    max_concurrency: int | None = None
    """How many of its requests may be under way; None does not limit them."""
    max_waiting: int = 0
    """How many more may wait for one of those to end."""
    sha256: str = field(default="", repr=False)
    """What limits and conversations are known by. A key's digest, which nobody outside can know; of
    a token's holder a digest of issuer and person."""
    budget: Budget | None = None
    rate: Rate | None = None
    person: str = ""
    """Whom a token of the moment names; a key has its id."""
    place: str = field(init=False, repr=False, compare=False)
    """What its places are called."""

    def __post_init__(self) -> None:
        """Make the name: it is asked for with every request."""
        object.__setattr__(self, "place", f"key:{self.id}")


def new_key(characters: Iterable[str]) -> str:
    """A key from RANDOM_CHARACTERS characters the caller drew at random from ALPHABET."""
    body = PREFIX + "".join(characters)
    if len(body) != len(PREFIX) + RANDOM_CHARACTERS or not set(body[len(PREFIX) :]) <= set(
        ALPHABET
    ):
        raise ValueError(f"a key needs {RANDOM_CHARACTERS} characters of the alphabet")
    return body + _checksum(body)


def is_mistyped(key: str) -> bool:
    """Whether this looks like a key of ours but was not copied whole or correctly."""
    if not key.startswith(PREFIX):
        return False
    body, checksum = key[:-CHECKSUM_CHARACTERS], key[-CHECKSUM_CHARACTERS:]
    return len(body) != len(PREFIX) + RANDOM_CHARACTERS or _checksum(body) != checksum


def digest(key: str) -> str:
    """What is stored of a key: SHA-256 in lower-case hex.

    A key has far too many random bits to be guessed, so no slow hash is needed.
    """
    # Whatever bytes a header held: those that are no text come as surrogates.
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def find(keys: Mapping[str, ApiKey], presented: str, now: float) -> ApiKey:
    """The key whose digest this is. Raises GatewayError.

    A dictionary look-up by digest needs no constant-time comparison: a caller cannot steer the
    digest, so how far it matches says nothing about the key.
    """
    return accept(keys.get(digest(presented)), presented, now)


def accept(
    key: ApiKey | None,
    presented: str,
    now: float,
    *,
    is_revoked: bool = False,
    is_complete: bool = True,
) -> ApiKey:
    """The key that was found, if it may be used. Raises GatewayError (CALLER_KEY_*, GATEWAY_KEYS).

    is_revoked: whether what was presented was a key once. is_complete: whether all keys are known
    by now; else one that was not found may be a good one, and is not told that it is not.
    """
    if key is None:
        raise _not_found(presented, is_revoked, is_complete)
    if key.expires_at is not None and key.expires_at <= now:
        raise GatewayError(Fault.CALLER_KEY_EXPIRED, "The API key has expired; ask for a new one.")
    return key


def _not_found(presented: str, is_revoked: bool, is_complete: bool) -> GatewayError:
    if is_revoked:
        message = "The API key was revoked; ask for a new one."
        return GatewayError(Fault.CALLER_KEY_REVOKED, message)
    if is_mistyped(presented):
        message = "The API key is incomplete or mistyped: its checksum does not match."
        return GatewayError(Fault.CALLER_KEY_UNKNOWN, message)
    if not is_complete:
        message = "The gateway cannot read its keys at the moment; send the request again."
        return GatewayError(Fault.GATEWAY_KEYS, message, retry_after=UNREAD_SECONDS)
    message = "The API key is not known here; check that it is this gateway's key."
    return GatewayError(Fault.CALLER_KEY_UNKNOWN, message)


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode(errors="surrogateescape"))
    characters = ""
    for _ in range(CHECKSUM_CHARACTERS):
        number, index = divmod(number, len(ALPHABET))
        characters = ALPHABET[index] + characters
    return characters
