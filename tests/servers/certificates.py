"""Certificates made for a test: an authority of its own, and what it signs."""

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    chain: bytes
    key: bytes = field(repr=False)


class Authority:
    """Signs certificates; `pem` is what others trust it by."""

    def __init__(self, name: str = "test authority") -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(self._name, self._name, self._key.public_key())
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        certificate = builder.add_extension(constraint, critical=True).sign(self._key, SHA256())
        self.pem = certificate.public_bytes(Encoding.PEM)

    def issue(self, names: Sequence[x509.GeneralName] = (), common_name: str = "somebody") -> Pair:
        """A certificate for these alternative names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(subject, self._name, key.public_key())
        if names:
            alternatives = x509.SubjectAlternativeName(list(names))
            builder = builder.add_extension(alternatives, critical=False)
        certificate = builder.sign(self._key, SHA256())
        return Pair(
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )

    def server(self) -> Pair:
        """A certificate for a server on this machine."""
        return self.issue([x509.DNSName("localhost"), LOOPBACK], "localhost")


def uri(text: str) -> x509.GeneralName:
    """A URI among the alternative names, such as a SPIFFE id."""
    return x509.UniformResourceIdentifier(text)


def dns(text: str) -> x509.GeneralName:
    """A DNS name among the alternative names."""
    return x509.DNSName(text)


class MountedSecret:
    """A directory as Kubernetes mounts a Secret: links through `..data`, swapped whole."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._versions = 0
        directory.mkdir()

    def swap(self, **files: bytes) -> None:
        """Replace all files at once. Names have `_` for `.`."""
        self._versions += 1
        version = self._directory / f"..version-{self._versions}"
        version.mkdir()
        for name, content in files.items():
            (version / name.replace("_", ".")).write_bytes(content)
            link = self._directory / name.replace("_", ".")
            if not link.is_symlink():
                link.symlink_to(Path("..data") / name.replace("_", "."))
        fresh = self._directory / "..data_tmp"
        fresh.symlink_to(version.name)
        os.replace(fresh, self._directory / "..data")

    def path(self, name: str) -> Path:
        """Where a file is mounted."""
        return self._directory / name


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )
