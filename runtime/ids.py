"""Random ids (UUID version 4), drawn from the system's randomness many at a time.

A call to the system for each would cost more than all else about an id.
"""

import os
import uuid

ID_BYTES = 16
AT_ONCE = 256


class RandomIds:
    """Call it for an id. Not for secrets: what is drawn ahead lies in memory."""

    def __init__(self) -> None:
        self._drawn = b""
        self._used = 0

    def __call__(self) -> str:
        """Another one, such as 0b0cf5a9-1c5f-4a51-9c8e-2f1f5a0e7d42."""
        start = self._used
        if start >= len(self._drawn):
            self._drawn = os.urandom(ID_BYTES * AT_ONCE)
            start = 0
        self._used = start + ID_BYTES
        return str(uuid.UUID(bytes=self._drawn[start : start + ID_BYTES], version=4))
