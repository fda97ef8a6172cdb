"""The Chance port from the system's own randomness, which nobody has to seed."""

import secrets

_random = secrets.SystemRandom()


class SystemChance:
    """Jitter and identifiers."""

    def fraction(self) -> float:
        return _random.random()

    def token_id(self) -> str:
        return secrets.token_hex(16)
