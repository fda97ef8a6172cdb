"""The listener's certificate files: read at the start, and again when one has changed.

A change is noticed by a file's identity, size and time, looked at no more than once a second,
and followed through symbolic links: Kubernetes swaps the directory behind them. What cannot be
used as it is, such as a new certificate beside the old key, is reported once and looked at
again; until then the listener keeps what it had.
"""

import threading
from pathlib import Path

from token_service.domain.certificates import ListenerCertificates, fitted
from token_service.ports.calls import CallerEvents
from token_service.ports.clock import Clock

LOOK_AGAIN_SECONDS = 1.0
# A chain is some 10 KiB; a bundle of authorities may be all public ones.
MOST_BYTES = 1024 * 1024

Marks = tuple[tuple[int, int, int] | None, ...]


class CertificateFiles:
    """What the listener shows. Thread-safe: gRPC asks from threads of its own."""

    def __init__(
        self,
        cert_file: Path,
        key_file: Path,
        client_ca_file: Path | None,
        clock: Clock,
        events: CallerEvents,
    ) -> None:
        self._cert_file = cert_file
        self._key_file = key_file
        self._client_ca_file = client_ca_file
        self._clock = clock
        self._events = events
        self._lock = threading.Lock()
        self._marks: Marks = ()
        self._looked = float("-inf")
        self._complaint = ""

    def load(self) -> ListenerCertificates:
        """Read them now. Raises ValueError."""
        with self._lock:
            self._looked = self._clock.monotonic()
            marks = self._look()
            found = self._read()
            self._marks = marks
        self._events.certificates_loaded(found.expires_at)
        return found

    def changed(self) -> ListenerCertificates | None:
        """What they hold, if that is new and can be used; else None. Costs next to nothing."""
        # Whoever does not get the lock shows the certificate that another thread just replaces.
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._changed()
        finally:
            self._lock.release()

    def _changed(self) -> ListenerCertificates | None:
        now = self._clock.monotonic()
        if now - self._looked < LOOK_AGAIN_SECONDS:
            return None
        self._looked = now
        marks = self._look()
        if marks == self._marks:
            return None
        try:
            found = self._read()
        except ValueError as error:
            self._complain(str(error))
            return None
        self._complaint = ""
        self._marks = marks
        self._events.certificates_loaded(found.expires_at)
        return found

    def _complain(self, explanation: str) -> None:
        if explanation != self._complaint:
            self._complaint = explanation
            self._events.certificates_refused(explanation)

    def _look(self) -> Marks:
        return tuple(
            _mark(path) for path in (self._cert_file, self._key_file, self._client_ca_file)
        )

    def _read(self) -> ListenerCertificates:
        ca_file = self._client_ca_file
        return fitted(
            _content(self._cert_file, "cert_file"),
            _content(self._key_file, "key_file"),
            _content(ca_file, "client_ca_file") if ca_file is not None else None,
        )


def _mark(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found is not None else None


def _content(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None
