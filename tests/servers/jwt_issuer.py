"""An issuer of service accounts' tokens: its keys, what it signs, and a TokenReview to ask."""

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCE = "token-service"
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


def rsa_key(bits: int = 2048) -> RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key() -> EllipticCurvePrivateKey:
    """A new key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: PrivateKey, key_id: str, **more: str) -> dict[str, Any]:
    """The public half as a member of a JWK Set."""
    algorithm = RSAAlgorithm if isinstance(key, RSAPrivateKey) else ECAlgorithm
    public: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))  # type: ignore[arg-type]
    public.pop("key_ops", None)
    return {**public, "kid": key_id, "use": "sig", **more}


class Issuer:
    """Keys by id; the last one signs. `now` stands in the tokens' claims, in epoch seconds."""

    def __init__(self, now: float | None = None, **keys: PrivateKey) -> None:
        self.now = time.time() if now is None else now
        self.keys = keys

    def jwks(self) -> bytes:
        """The JWK Set."""
        keys = [jwk(key, key_id) for key_id, key in self.keys.items()]
        return json.dumps({"keys": keys}).encode()

    def claims(self, account: str = "copilot/gateway", **changes: Any) -> dict[str, Any]:
        """A projected token's claims; None removes one."""
        namespace, _, name = account.partition("/")
        claims = {
            "iss": ISSUER,
            "aud": [AUDIENCE],
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "iat": int(self.now),
            "nbf": int(self.now),
            "exp": int(self.now) + 3600,
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name}},
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        account: str = "copilot/gateway",
        headers: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token signed with the last key."""
        key_id, key = list(self.keys.items())[-1]
        algorithm = "RS256" if isinstance(key, RSAPrivateKey) else "ES256"
        return jwt.encode(
            self.claims(account, **changes), key, algorithm, {"kid": key_id, **(headers or {})}
        )
