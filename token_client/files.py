"""The files that say whom we trust and who we are: read whole, checked, noticed when they change.

Knows no gRPC and no clock. What a file holds is never in an error; its name is.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from token_client.errors import UnusableFiles

MAX_FILE_BYTES = 1024 * 1024

Signature = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS to the broker. A file that is rotated is taken over without a restart.

    ca_file: the authorities that may have issued the broker's certificate; None: gRPC's own list.
    cert_file, key_file: our certificate and its key, both or neither, for a broker that knows its
    callers by certificate. All are PEM; the key has no passphrase.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What the files held at one moment."""

    ca: bytes | None = None
    cert: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)

    def same_tls(self, other: "Material") -> bool:
        """Whether a connection made with the other would be no different."""
        return (self.ca, self.cert, self.key) == (other.ca, other.cert, other.key)


class Files:
    """The files of one client. tls None is plaintext, for loopback; token_file None: no bearer."""

    def __init__(self, tls: Tls | None, token_file: Path | None) -> None:
        self.tls = tls
        self._token_file = token_file
        of_tls = (tls.ca_file, tls.cert_file, tls.key_file) if tls else ()
        self._paths = tuple(path for path in (*of_tls, token_file) if path is not None)

    def signature(self) -> Signature:
        """Changes when a file does, or the link that leads to it. Costs a stat per file."""
        return tuple(_signature(path) for path in self._paths)

    def read(self) -> Material:
        """All of them, from one moment. Raises UnusableFiles, also for a half-written pair."""
        before = self.signature()
        tls = self.tls or Tls()
        if (tls.cert_file is None) != (tls.key_file is None):
            raise UnusableFiles("a certificate and its key go together: name both files or neither")
        material = Material(
            ca=_content(tls.ca_file),
            cert=_content(tls.cert_file),
            key=_content(tls.key_file),
            bearer=_bearer(self._token_file),
        )
        _check(tls)
        if self.signature() != before:
            raise UnusableFiles("the files changed while they were being read")
        return material


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnusableFiles(f"{path}: {error.strerror}") from None
    if not content or len(content) > MAX_FILE_BYTES:
        raise UnusableFiles(f"{path}: is empty or larger than {MAX_FILE_BYTES} bytes")
    return content


def _bearer(path: Path | None) -> str | None:
    content = _content(path)
    if content is None:
        return None
    words = content.decode("ascii", errors="replace").split()
    # The replacement character of a byte that is not ASCII is caught here too.
    if len(words) != 1 or not (words[0].isascii() and words[0].isprintable()):
        raise UnusableFiles(f"{path}: must hold one token on one line")
    return words[0]


def _check(tls: Tls) -> None:
    """Let OpenSSL look, since gRPC reports a bad file only as a failed handshake, each time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file is not None:
        try:
            context.load_verify_locations(cafile=tls.ca_file)
        except (OSError, ValueError):
            raise UnusableFiles(f"{tls.ca_file}: holds no certificates in PEM") from None
    if tls.cert_file is not None and tls.key_file is not None:
        try:
            # A passphrase is not asked for on a terminal that a service has not.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        except (OSError, ValueError):
            raise UnusableFiles(
                f"{tls.cert_file} and {tls.key_file}: no certificate and key in PEM that "
                "belong together"
            ) from None
