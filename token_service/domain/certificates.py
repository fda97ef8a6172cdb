"""A listener's certificate, its key, and the authorities of its callers: whether they fit.

Values in, values out; reads no file and no clock. No text here quotes anything of a key.
"""

from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, load_pem_x509_certificates


@dataclass(frozen=True)
class ListenerCertificates:
    """What TLS needs, in PEM. chain: the leaf first. client_ca: None to ask for no certificate.

    expires_at: seconds since the epoch, of the leaf.
    """

    chain: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None
    expires_at: float


def fitted(chain: bytes, key: bytes, client_ca: bytes | None) -> ListenerCertificates:
    """The three together. Raises ValueError with a sentence that says which does not fit.

    Files are replaced one after the other: a new certificate beside an old key is what is to be
    found here before a caller finds it.
    """
    leaf = _certificates(chain, "cert_file")[0]
    if _public_key_of(key) != leaf.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ):
        raise ValueError("key_file does not hold the key of cert_file's first certificate")
    if client_ca is not None:
        _certificates(client_ca, "client_ca_file")
    return ListenerCertificates(chain, key, client_ca, leaf.not_valid_after_utc.timestamp())


def _certificates(pem: bytes, name: str) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError(f"{name} holds no certificates in PEM that can be read") from None


def _public_key_of(pem: bytes) -> bytes:
    try:
        # Whether an RSA key's numbers fit together takes long to find out; that they belong to
        # the certificate is compared, and the rest shows in the handshake.
        key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise ValueError("key_file is encrypted; give the key without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("key_file holds no private key in PEM that can be read") from None
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
