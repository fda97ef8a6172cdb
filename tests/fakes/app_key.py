"""Keys of a GitHub App, made for the tests: none is kept anywhere."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

BITS = 2048
EXPONENT = 65537


@dataclass(frozen=True)
class AppKey:
    """A pair of keys as text in PEM."""

    private: str = field(repr=False)
    public: str

    def written(self, directory: Path) -> Path:
        """The private key in a file."""
        file = directory / "app.pem"
        file.write_text(self.private)
        return file


def app_key(name: str = "app") -> AppKey:
    """The pair of this name, in the form in which GitHub gives it out; new in every run."""
    return _made(name)


@cache
def _made(name: str) -> AppKey:
    key = rsa.generate_private_key(EXPONENT, BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return AppKey(private.decode(), public.decode())


def unfit_key(kind: str) -> bytes:
    """A private key in PEM that no App has: `encrypted`, `short` or `elliptic`."""
    if kind == "elliptic":
        elliptic = ec.generate_private_key(ec.SECP256R1())
        return elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = rsa.generate_private_key(EXPONENT, 1024 if kind == "short" else BITS)
    lock = BestAvailableEncryption(b"secret") if kind == "encrypted" else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
