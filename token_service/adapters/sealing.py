"""Seals what goes into the shared store: AES-256-GCM with keys of the operator's.

A sealed record opens only with a key of the file and only for what it was bound to. Knows
nothing of tokens. Keys are rotated by appending the new one, making it the first, and removing
the old one, each step on every replica before the next.
"""

import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from token_service.domain.records import RecordRefusal

KEY_BYTES = 32
NONCE_BYTES = 12
NAME_BYTES = 8
SEALED, OPEN = b"S", b"P"
# In the place of a key's name where there is no key.
NO_NAME = b"\0" * NAME_BYTES


class CannotOpen(Exception):
    """A record that is not to be used, and why."""

    def __init__(self, why: RecordRefusal) -> None:
        super().__init__(why.value)
        self.why = why


class Key:
    """One key: seals, names itself, and makes fingerprints that say nothing without it."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._fingerprints = _derived(key, b"credential fingerprints")
        self.name = _derived(key, b"name")[:NAME_BYTES]

    def fingerprint(self, digest: bytes) -> bytes:
        """A credential's digest as it may stand in a record."""
        return hmac.digest(self._fingerprints, digest, "sha256")

    def seal(self, content: bytes, bound_to: bytes) -> bytes:
        """The content, to be opened for the same `bound_to` only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return SEALED + self.name + nonce + self._cipher.encrypt(nonce, content, bound_to)

    def open(self, record: bytes, bound_to: bytes) -> bytes:
        """What was sealed. Raises CannotOpen."""
        body = record[1 + NAME_BYTES :]
        try:
            return self._cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):
            raise CannotOpen(RecordRefusal.FORGED) from None


class NoKey:
    """Stands for a key where the operator allows records in clear: checks, but does not hide."""

    name = NO_NAME

    def fingerprint(self, digest: bytes) -> bytes:
        """A credential's digest as it may stand in a record."""
        return sha256(b"credential fingerprints" + digest).digest()

    def seal(self, content: bytes, bound_to: bytes) -> bytes:
        """The content beside a digest of what it is bound to."""
        return OPEN + self.name + sha256(bound_to).digest() + content

    def open(self, record: bytes, bound_to: bytes) -> bytes:
        """The content. Raises CannotOpen."""
        body = record[1 + NAME_BYTES :]
        if not hmac.compare_digest(body[:32], sha256(bound_to).digest()):
            raise CannotOpen(RecordRefusal.FORGED)
        return body[32:]


class Keyring:
    """The keys there are; the first seals, every one opens. Without any: NoKey."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        made: list[Key | NoKey] = [Key(key) for key in keys] or [NoKey()]
        self._keys = {key.name: key for key in made}
        self.sealing = made[0]

    @property
    def is_sealed(self) -> bool:
        """Whether records can be read by nobody without a key."""
        return isinstance(self.sealing, Key)

    def fingerprints(self, digest: bytes) -> set[bytes]:
        """The credential's fingerprint under each key."""
        return {key.fingerprint(digest) for key in self._keys.values()}

    def key_of(self, record: bytes) -> Key | NoKey:
        """The key that made the record. Raises CannotOpen."""
        kind, name = record[:1], record[1 : 1 + NAME_BYTES]
        if self.is_sealed and kind != SEALED:
            raise CannotOpen(RecordRefusal.NOT_SEALED)
        key = self._keys.get(name)
        if key is None:
            raise CannotOpen(RecordRefusal.UNKNOWN_KEY)
        return key


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"copilot-gateway " + purpose).derive(key)
