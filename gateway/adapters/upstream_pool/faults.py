"""Why there is no answer, or no end of one. Names no host: those are not the caller's business."""

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.unreachable import Reason, UpstreamUnreachable


class NothingCame(UpstreamUnreachable):
    """The connection ended before a byte of the answer: what became of the request is unknown.

    was_used: whether it had carried a request before. If so, upstream has most likely closed it for
    its idleness, which says nothing of the account.
    """

    def __init__(self, *, was_used: bool) -> None:
        super().__init__(Reason.CLOSED_IDLE if was_used else Reason.CLOSED, was_sent=True)
        self.was_used = was_used


def no_answer() -> GatewayError:
    """What came is no head of an answer."""
    return UpstreamUnreachable(Reason.NO_HTTP, was_sent=True)


def broken_head() -> GatewayError:
    """The connection ended in the middle of the head."""
    return UpstreamUnreachable(Reason.CLOSED, was_sent=True)


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
