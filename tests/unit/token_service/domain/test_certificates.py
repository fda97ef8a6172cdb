"""Whether a certificate, its key and the authorities fit together."""

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.servers.certificates import Authority
from token_service.domain.certificates import fitted

AUTHORITY = Authority()
PAIR = AUTHORITY.issue("localhost")
OTHER = AUTHORITY.issue("localhost")


def locked(key: bytes) -> bytes:
    return load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )


def test_what_fits_is_taken_with_its_end() -> None:
    found = fitted(PAIR.cert + AUTHORITY.ca, PAIR.key, AUTHORITY.ca)

    assert found.chain == PAIR.cert + AUTHORITY.ca
    assert found.expires_at > 1_700_000_000
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize(
    ("chain", "key", "client_ca", "text"),
    [
        (PAIR.cert, OTHER.key, None, "key_file does not hold the key of cert_file's first"),
        (AUTHORITY.ca + PAIR.cert, PAIR.key, None, "key_file does not hold the key"),
        (b"", PAIR.key, None, "cert_file holds no certificates"),
        (PAIR.cert[:-40], PAIR.key, None, "cert_file holds no certificates"),
        (PAIR.cert, b"", None, "key_file holds no private key"),
        (PAIR.cert, PAIR.key[:60], None, "key_file holds no private key"),
        (PAIR.cert, locked(PAIR.key), None, "key_file is encrypted"),
        (PAIR.cert, PAIR.key, b"nothing", "client_ca_file holds no certificates"),
    ],
)
def test_what_does_not_fit_is_named(
    chain: bytes, key: bytes, client_ca: bytes | None, text: str
) -> None:
    with pytest.raises(ValueError, match=text) as raised:
        fitted(chain, key, client_ca)

    assert "BEGIN" not in str(raised.value)
