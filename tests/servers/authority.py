"""A certificate authority of a test, and the files its certificates are mounted as."""

import datetime
import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM."""

    cert: bytes
    key: bytes = field(repr=False)


class Authority:
    """Issues certificates that one CA certificate vouches for."""

    def __init__(self, name: str = "test authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        builder = _builder(self._name, self._name, self._key)
        ca = x509.BasicConstraints(ca=True, path_length=0)
        self._cert = builder.add_extension(ca, critical=True).sign(self._key, hashes.SHA256())

    @property
    def ca(self) -> bytes:
        """The certificate to trust."""
        return self._cert.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, *names: x509.GeneralName) -> Pair:
        """A pair for 127.0.0.1 and further alternative names."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [
            x509.DNSName(name),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            *names,
        ]
        builder = _builder(_named(name), self._name, key)
        cert = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        ).sign(self._key, hashes.SHA256())
        return Pair(
            cert.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def mount(directory: Path, **files: bytes) -> dict[str, Path]:
    """Put files there as Kubernetes does: one link changes, and with it all of them at once."""
    directory.mkdir(exist_ok=True)
    version = directory / f"..{len(list(directory.iterdir()))}"
    version.mkdir()
    for name, content in files.items():
        (version / name).write_bytes(content)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(Path("..data") / name)
    fresh = directory / "..data-next"
    fresh.symlink_to(version.name)
    os.replace(fresh, directory / "..data")
    return {name: directory / name for name in files}


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )
