"""The section `token_service`: where the broker is, and how both ends know each other."""

import ssl
from pathlib import Path
from typing import Self

from pydantic import model_validator

from gateway.settings.values import CaFile, SecretFile
from runtime.configuration import Section


def _check_pair(cert: Path, key: Path) -> None:
    try:
        # A passphrase is not asked for on a terminal that a service has not.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password="")
    except (OSError, ValueError):
        raise ValueError(
            f"{cert} and {key}: no certificate and key in PEM that belong together"
        ) from None


class ClientTls(Section):
    """How the gateway knows token_service, and shows itself to it. Plaintext while all are null."""

    ca_file: CaFile | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether the connection is TLS."""
        return any((self.ca_file, self.cert_file, self.key_file))

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: set both or neither")
        if self.cert_file is not None and self.key_file is not None:
            _check_pair(self.cert_file, self.key_file)
        return self


class TokenService(Section):
    """The token broker."""

    target: str = "127.0.0.1:50051"
    tls: ClientTls = ClientTls()
    token_file: SecretFile | None = None
