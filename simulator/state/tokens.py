"""The Copilot tokens of a run: minted, remembered, revoked.

A token is known by its whole text. Expired ones are remembered so that they can be told from
forged ones.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from simulator.wire.token_string import SigningKey, is_genuine

MOST_TOKENS = 200_000


class Verdict(StrEnum):
    """What a presented token is worth."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Minted:
    """One token's owner, true end (seconds since the epoch) and host."""

    login: str
    expires_at: float
    home: str
    is_revoked: bool = False


class Tokens:
    """Every token that was given out, the oldest forgotten first."""

    def __init__(self, key: SigningKey, most: int = MOST_TOKENS) -> None:
        self.key = key
        self._most = most
        self._minted: OrderedDict[str, Minted] = OrderedDict()

    def __len__(self) -> int:
        return len(self._minted)

    def add(self, token: str, minted: Minted) -> None:
        """Remember a token."""
        self._minted[token] = minted
        if len(self._minted) > self._most:
            self._minted.popitem(last=False)

    def find(self, token: str) -> Minted | None:
        """Who a token was given to."""
        return self._minted.get(token)

    def judge(self, token: str, now: float) -> Verdict:
        """What a token is worth now; a genuine one that was forgotten counts as expired."""
        minted = self._minted.get(token)
        if minted is None:
            return Verdict.EXPIRED if is_genuine(token, self.key) else Verdict.UNKNOWN
        if minted.is_revoked:
            return Verdict.REVOKED
        return Verdict.VALID if now < minted.expires_at else Verdict.EXPIRED

    def revoke(self, login: str) -> int:
        """Revoke all tokens of an account; how many there were."""
        theirs = [each for each in self._minted.values() if each.login == login]
        for minted in theirs:
            minted.is_revoked = True
        return len(theirs)

    def texts(self) -> list[str]:
        """Every token that is remembered."""
        return list(self._minted)
