"""Kinds of values in the configuration: addresses, URLs, files, secrets, names.

Each check raises ValueError with a sentence that quotes no value (it may be a secret).
"""

import ssl
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from runtime.configuration import check_secret_file, read_pem
from runtime.listening import is_loopback, parse_address
from runtime.urls import check_http_url, host_of
from token_service.domain.hosts import allowed_host

# GitHub makes keys of this size for Apps.
LEAST_KEY_BITS = 2048


def _check_address(text: str) -> str:
    parse_address(text)
    return text


def check_secure_url(text: str) -> str:
    """The URL without a trailing slash, if a credential may be sent there. Raises ValueError."""
    url = check_http_url(text)
    if not url.lower().startswith("https:") and not is_loopback(host_of(url)):
        raise ValueError("must be https: plain http would show credentials, except on loopback")
    return url


def _check_ca_file(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, ssl.SSLError):
        raise ValueError(f"{path}: holds no certificates in PEM that can be read") from None
    return path


def _check_readable(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    return path


def _check_token(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text.isascii() or not text.isprintable() or not text or " " in text:
        raise ValueError("must be one secret in ASCII, without spaces")
    return secret


def _text_of_number(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_app_key_file(path: Path) -> Path:
    text = read_pem(path)
    try:
        # Whether its numbers fit together shows when it signs; asking here takes 30 ms a key.
        key = load_pem_private_key(text.encode(), None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise ValueError(f"{path}: is encrypted; give the key as GitHub made it") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"{path}: holds no private key that can be read") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_KEY_BITS:
        raise ValueError(f"{path}: must hold an RSA key of {LEAST_KEY_BITS} bits or more")
    return path


AddressText = Annotated[str, AfterValidator(_check_address)]
SecureUrl = Annotated[str, AfterValidator(check_secure_url)]
ProxyUrl = Annotated[str, AfterValidator(check_http_url)]
CaFile = Annotated[Path, AfterValidator(_check_ca_file)]
ReadableFile = Annotated[Path, AfterValidator(_check_readable)]
SecretFile = Annotated[Path, AfterValidator(check_secret_file)]
Token = Annotated[SecretStr, AfterValidator(_check_token)]
HeaderValue = Annotated[str, Field(pattern=r"^[!-~]([ -~]{0,254}[!-~])?$")]
AppKeyFile = Annotated[Path, AfterValidator(_check_app_key_file)]
# An App's number, or its client id, which GitHub prefers.
AppId = Annotated[str, BeforeValidator(_text_of_number), Field(pattern=r"^[A-Za-z0-9.]{1,64}$")]
GitHubId = Annotated[int, Field(gt=0, strict=True)]
Permission = Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")]
AccountName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
AllowedHost = Annotated[str, AfterValidator(allowed_host)]
Seconds = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]
SomeSeconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
