"""The errors for answers that are none, or of which nothing comes any more."""

from gateway.domain.errors import Fault, GatewayError


def not_understood() -> GatewayError:
    """For what is no answer of upstream's protocol."""
    return GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer could not be understood.")


def fell_silent() -> GatewayError:
    """For an answer that has begun, and of which nothing comes any more."""
    return GatewayError(Fault.UPSTREAM_IDLE, "Upstream fell silent before the end.")
