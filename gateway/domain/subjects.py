"""What can cool down or be paused, and how each is named in the shared store and the metrics.

A subject's name is a short string of ids from the configuration, except the model of a
SEAT_MODEL, which a caller has named: whoever keeps subjects bounds their number.
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a subject is."""

    ACCOUNT = "account"
    SEAT_MODEL = "seat-model"
    """One model on one account."""
    GROUP = "group"
    MODEL = "model"
    """One model on every account."""
    CLIENT = "client"
    """Every account of a platform: what upstream refuses is this client, not a seat."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that is set aside for a while."""

    kind: Kind
    id: str
    """Account, group, model or platform."""
    model: str = ""
    """The model of a SEAT_MODEL, else empty."""

    @property
    def name(self) -> str:
        """How it is written down; `parse` reads it."""
        return f"{self.kind.value}:{self.id}" + (f":{self.model}" if self.model else "")


def parse(name: str) -> Subject | None:
    """The subject of a name; None for one that is not understood (a newer version's)."""
    kind, _, rest = name.partition(":")
    if kind not in {each.value for each in Kind} or not rest:
        return None
    if kind != Kind.SEAT_MODEL.value:
        return Subject(Kind(kind), rest)
    account, _, model = rest.partition(":")
    return Subject(Kind.SEAT_MODEL, account, model) if model else None


def account(account_id: str) -> Subject:
    """A whole account."""
    return Subject(Kind.ACCOUNT, account_id)


def seat_model(account_id: str, model: str) -> Subject:
    """One model on one account."""
    return Subject(Kind.SEAT_MODEL, account_id, model)


def client(platform: str) -> Subject:
    """This client as a platform sees it."""
    return Subject(Kind.CLIENT, platform)
