"""The section `store`: where tokens are kept, and what seals them there.

Describes; connects to nothing. The keys are read here once to be judged and once to be used.
"""

import base64
import binascii
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from runtime.configuration import Section
from runtime.urls import MEMORY, check_store_url
from token_service.settings.values import CaFile, SecretFile, SomeSeconds

KEY_BYTES = 32
MOST_KEYS = 16
LARGEST_KEY_FILE = 64 * 1024


def _check_keys(path: Path) -> Path:
    read_keys(path)
    return path


StoreUrl = Annotated[str, AfterValidator(check_store_url)]
KeyFile = Annotated[Path, AfterValidator(_check_keys)]
Namespace = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class Store(Section):
    """Where tokens are kept."""

    url: StoreUrl = MEMORY
    namespace: Namespace = "copilot-gateway"
    ca_file: CaFile | None = None
    password_file: SecretFile | None = None
    allow_plaintext: bool = False
    encryption_key_file: KeyFile | None = None
    lock_ttl_seconds: SomeSeconds = 15

    @property
    def is_shared(self) -> bool:
        """Whether other replicas use the same one."""
        return self.url != MEMORY


def read_keys(path: Path) -> tuple[bytes, ...]:
    """The keys of a file: base64 of 32 bytes a line, the first seals, all open.

    Raises ValueError with a sentence that quotes nothing of it.
    """
    try:
        with path.open("rb") as file:
            lines = file.read(LARGEST_KEY_FILE).split()
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    if not 0 < len(lines) <= MOST_KEYS:
        raise ValueError(f"{path}: must hold between 1 and {MOST_KEYS} keys, one a line")
    return tuple(_key(line, f"{path}: line {number}") for number, line in enumerate(lines, 1))


def _key(line: bytes, where: str) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{where} is not the base64 of {KEY_BYTES} bytes")
    return key
