"""What the format of gateway.yaml has and this version has not: refused by name.

Silence about a choice that has no effect would be a promise.
"""


class NotYet(ValueError):
    """A choice that is part of the format but not of this version."""

    def __init__(self, alternative: str) -> None:
        super().__init__(f"not available in this version; {alternative}")
