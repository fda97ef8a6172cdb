"""How the ledger's schema stands to what this version knows."""

from enum import Enum


class Schema(Enum):
    """What was found, or done."""

    CURRENT = "current"
    """It is this version's."""
    UPGRADED = "upgraded"
    """It was older, and is this version's now."""
    NEWER = "newer"
    """A newer version has changed it; it is used as it is, and was left alone."""
