"""Where the RPC listens and how it is encrypted; the section `listen` of the configuration.

Each field judges itself, and a key its certificate. What is required off loopback is judged with
the callers (settings/callers).
"""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from runtime.configuration import Section
from runtime.listening import is_loopback, parse_address
from token_service.domain.certificates import fitted
from token_service.settings.values import AddressText, CaFile, ReadableFile

MOST_BYTES = 1024 * 1024


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None


class ListenTls(Section):
    """TLS of the RPC port. The order of the fields matters: the key is judged with its chain."""

    cert_file: ReadableFile | None = None
    key_file: ReadableFile | None = Field(default=None, validate_default=True)
    client_ca_file: CaFile | None = None

    @field_validator("key_file")
    @classmethod
    def _fits_the_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "cert_file" not in info.data:
            return value
        cert_file = info.data["cert_file"]
        if (value is None) != (cert_file is None):
            raise ValueError("cert_file and key_file belong together: set both or neither")
        if value is not None:
            fitted(_read(cert_file), _read(value), None)
        return value

    @field_validator("client_ca_file")
    @classmethod
    def _has_a_certificate_beside_it(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("cert_file", value) is None:
            raise ValueError("callers' certificates are part of TLS: set cert_file and key_file")
        return value

    @property
    def is_on(self) -> bool:
        """Whether connections are encrypted."""
        return self.cert_file is not None


class Listen(Section):
    """Where the service listens. Whether it may do so as it does, settings/callers judges."""

    grpc: AddressText = "127.0.0.1:50051"
    ops: AddressText = "127.0.0.1:9101"
    tls: ListenTls = ListenTls()
    allow_plaintext: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the RPC."""
        return is_loopback(parse_address(self.grpc).host)

    @property
    def is_private(self) -> bool:
        """Whether nobody on a network can read what is said."""
        return self.is_local or self.tls.is_on
