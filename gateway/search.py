"""One call's search for an account: how far it has come, and what it finds.

Decides nothing: who may serve is seats'.
"""

from collections.abc import Sequence

import msgspec

from gateway.domain.call import Call
from gateway.domain.groups import Group, GroupAccount
from gateway.ports.shared_state import Bond, Lease


class Seat(msgspec.Struct, eq=False):
    """An account that a call may use, and the place taken on it."""

    account: GroupAccount
    group: Group
    lease: Lease | None
    has_foreign_state: bool
    """Whether the conversation's history may hold what upstream sealed for another account."""


class Search(msgspec.Struct, eq=False):
    """How far the search for an account has come, for one call."""

    call: Call
    tried: set[str] = msgspec.field(default_factory=set)
    bond: Bond | None = None
    has_looked: bool = False
    waited_seconds: float = 0.0
    """For accounts' places, until somebody takes it over."""

    @property
    def bound_to(self) -> str | None:
        """The only account the call may use."""
        return self.call.key.account

    @property
    def home(self) -> str | None:
        """The account it is waited for: the only one, or where the conversation lives."""
        return self.bond.account if self.bond is not None else self.bound_to

    def groups(self) -> Sequence[Group]:
        """Where to look, in this order."""
        call = self.call
        if call.fallback is None or call.key.account is not None:
            return (call.group,)
        return (call.group, call.fallback)
