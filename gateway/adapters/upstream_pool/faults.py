"""Why there is no answer, or no end of one. Names no host: those are not the caller's business."""

from gateway.domain.errors import Fault, GatewayError


class NothingCame(GatewayError):
    """The connection ended before a byte of the answer: what became of the request is unknown."""

    def __init__(self) -> None:
        super().__init__(Fault.UPSTREAM_UNAVAILABLE, "Upstream cannot be reached.", retry_after=1.0)


def unreachable() -> GatewayError:
    """There is no connection, or what came over it is no answer."""
    return GatewayError(Fault.UPSTREAM_UNAVAILABLE, "Upstream cannot be reached.", retry_after=1.0)


def unanswered() -> GatewayError:
    """The request was sent, and nothing came of it in time."""
    return GatewayError(Fault.UPSTREAM_TIMEOUT, "Upstream did not answer in time.")


def unfinished() -> GatewayError:
    """The answer has begun and takes too long."""
    return GatewayError(Fault.UPSTREAM_TIMEOUT, "Upstream did not finish in time.")


def broken_off() -> GatewayError:
    """The answer has begun and has no end."""
    return GatewayError(Fault.UPSTREAM_CUT_OFF, "Upstream broke off before the end.")


def too_large() -> GatewayError:
    """The body is longer than whoever reads it takes."""
    return GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer is larger than allowed here.")
