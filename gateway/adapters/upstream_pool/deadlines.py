"""How long a request upstream may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until a request is given up."""

    first_byte: float
    """From sending to the answer's headers."""
    total: float
    """From asking for a connection to the answer's end."""
