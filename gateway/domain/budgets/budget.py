"""A budget as it is configured."""

from dataclasses import dataclass

from gateway.domain.budgets.period import Period


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be used in a period; None does not limit."""

    period: Period
    requests: int | None = None
    tokens: int | None = None
    nano_aiu: int | None = None
    """Credits times 1e9."""
    is_shadow: bool = False
    """Whether what is over it is only reported."""
    refuses_unknown: bool = False
    """Whether a request is refused while nothing can be checked."""

    @property
    def limits_anything(self) -> bool:
        """Whether there is anything to check."""
        return (self.requests, self.tokens, self.nano_aiu) != (None, None, None)
