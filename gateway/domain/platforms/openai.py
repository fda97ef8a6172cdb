"""Any API that speaks OpenAI's protocols, with a key of its own for each account.

It has no seats, no initiator and no mark for images; what upstream thinks of is the key.
"""

from collections.abc import Mapping

from gateway.domain.errors import Fault
from gateway.domain.headers import listed, standing
from gateway.domain.platforms.platform import Platform
from gateway.domain.protocols import Protocol
from gateway.domain.refusals import Row, by_code, by_status
from gateway.domain.upstream_errors import NO_SUCH_MODEL

FROM_CALLER = ("openai-beta",)
"""How a caller opts into what an API does not do by default; servers ignore names they do not know.

Not here: `openai-organization` and `openai-project` choose whose money it is, which the account
decides; an `idempotency-key` would let callers that share an account have each other's answers.
"""

KEY_REFUSED = "The account behind this group is not accepted upstream; its operator has to look."

ROWS: tuple[Row, ...] = (
    # No broker has a newer key: renewing, which a refused token gets, has nothing to renew.
    Row(by_status(401), Fault.SEAT_CREDENTIAL, KEY_REFUSED),
    # Copilot's reading of a 403 by its words is Copilot's alone.
    Row(by_status(403), Fault.SEAT_FORBIDDEN, KEY_REFUSED),
    Row(by_status(404), Fault.CALLER_MODEL_NOT_FOUND, NO_SUCH_MODEL, param="model"),
    # One status for "slower" and for "pay": only the code tells them apart.
    Row(by_code(429, "insufficient_quota"), Fault.SEAT_QUOTA, "The account's quota is used up."),
    Row(
        by_code(400, "content_filter", "content_policy_violation"),
        Fault.CALLER_CONTENT_FILTERED,
        None,
    ),
)


def from_caller(caller: Mapping[str, str], protocol: Protocol) -> dict[str, str]:
    """See Platform.from_caller."""
    return listed(caller, FROM_CALLER)


OPENAI = Platform(
    name="openai",
    # Accounts' base URLs end in the version, as OpenAI's own clients expect them.
    paths={
        Protocol.CHAT: "/chat/completions",
        Protocol.RESPONSES: "/responses",
        Protocol.EMBEDDINGS: "/embeddings",
    },
    # Images are not announced.
    standing=standing,
    from_caller=from_caller,
    rows=ROWS,
    own_key=True,
)
