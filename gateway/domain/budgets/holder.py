"""Whose budget it is: a key's or a group's."""

from enum import Enum
from typing import NamedTuple


class HolderKind(Enum):
    """What a budget may belong to."""

    KEY = "key"
    GROUP = "group"


class Holder(NamedTuple):
    """One key or one group."""

    kind: HolderKind
    id: str
