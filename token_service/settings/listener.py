"""Where the RPC listens and how it is encrypted; the section `listen` of the configuration.

Each field judges itself, and a key its certificate. What is required off loopback is judged in
across_callers.
"""

from pathlib import Path

from pydantic import ValidationInfo, field_validator

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
    key_file: ReadableFile | None = None
    client_ca_file: CaFile | None = None

    @field_validator("key_file")
    @classmethod
    def _fits_the_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        cert_file = info.data.get("cert_file")
        if value is not None and cert_file is not None:
            fitted(_read(cert_file), _read(value), None)
        return value

    @property
    def is_on(self) -> bool:
        """Whether connections are encrypted."""
        return self.cert_file is not None


class Listen(Section):
    """Where the service listens. Whether it may do so as it does, across_callers judges."""

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
