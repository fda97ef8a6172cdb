"""The Copilot token's text (§3.3): `key=value` pairs, a colon, and a signature of 64 hex digits.

Pure: the id, the key and the time are arguments.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TokenFacts:
    """What a token says about itself. expires_at: seconds since the epoch, as written in it."""

    token_id: str
    organizations: Sequence[str]
    expires_at: int
    sku: str
    plan: str
    client_ip: str


@dataclass(frozen=True)
class SigningKey:
    """The key of one run of the simulator."""

    value: bytes = field(repr=False)


def write_token(facts: TokenFacts, key: SigningKey) -> str:
    """The token's text, signed."""
    text = (
        f"tid={facts.token_id};"
        + (f"ol={','.join(facts.organizations)};" if facts.organizations else "")
        + f"exp={facts.expires_at};sku={facts.sku};"
        f"proxy-ep=proxy.{facts.plan}.githubcopilot.com;st=dotcom;ssc=1;chat=1;cit=1;malfil=1;"
        "editor_preview_features=1;agent_mode=1;mcp=1;ccr=1;8kp=1;"
        f"ip={facts.client_ip};asn=AS64500"
    )
    return f"{text}:{_signature(text, key)}"


def is_genuine(token: str, key: SigningKey) -> bool:
    """Whether this run of the simulator signed it."""
    text, colon, signature = token.rpartition(":")
    return bool(colon) and hmac.compare_digest(signature.encode(), _signature(text, key).encode())


def _signature(text: str, key: SigningKey) -> str:
    return hmac.new(key.value, text.encode(), hashlib.sha256).hexdigest()
