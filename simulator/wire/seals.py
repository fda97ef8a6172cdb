"""Opaque values that belong to one account (§5.9): encrypted reasoning, signatures, item ids.

A seal is bytes of no meaning with a digest that only the account it was made for reproduces.
Nothing is stored, so a seal outlives the run that made it. Pure: the bytes are an argument.
"""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from enum import StrEnum

DIGEST_BYTES = 32


class SealKind(StrEnum):
    """What a seal stands for; one kind is never good as another.

    UNFINISHED: what `output_item.added` shows of encrypted reasoning. Only the done item's can
    be sent back (§6.4).
    """

    ENCRYPTED_CONTENT = "encrypted_content"
    UNFINISHED = "unfinished"
    SIGNATURE = "signature"
    REASONING_OPAQUE = "reasoning_opaque"
    ITEM_ID = "item_id"


@dataclass(frozen=True, slots=True)
class Sealed:
    """An opaque value that a request brought, and where in it. `text` may be anything."""

    kind: SealKind
    text: str = field(repr=False)
    place: str


def seal(kind: SealKind, login: str, filler: bytes) -> str:
    """A seal of an account; filler: bytes that make it differ from all others."""
    return b64encode(filler + _digest(kind, login, filler)).decode()


def is_genuine(sealed: Sealed, login: str) -> bool:
    """Whether the simulator made it, as this kind and for this account."""
    try:
        raw = b64decode(sealed.text, validate=True)
    except (NotBase64, ValueError):
        return False
    filler, digest = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
    return digest == _digest(sealed.kind, login, filler)


def _digest(kind: SealKind, login: str, filler: bytes) -> bytes:
    return hashlib.sha256(b"%b\n%b\n%b" % (kind.encode(), login.encode(), filler)).digest()
