"""Kinds of values in gateway.yaml: names, numbers, files, hosts, URLs.

Each check raises ValueError with a sentence that quotes no value (it may be a secret).
"""

import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gateway.domain.platforms.table import PLATFORMS
from runtime.configuration import check_secret_file
from runtime.urls import check_http_url, check_store_url

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")


def _check_authorities(path: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError as error:
        raise ValueError(f"{path}: holds no certificates in PEM, or cannot be read") from error
    return path


def check_host(text: str) -> str:
    """A host's name or address in its one spelling: lower case, no dot at the end, no brackets."""
    name = text.lower().removesuffix(".")
    try:
        return str(ip_address(name))
    except ValueError:
        if not _HOST_NAME.fullmatch(name) or ".." in name:
            raise ValueError("must be a host's name, without a scheme or a port") from None
        return name


def _check_proxy_url(text: str) -> str:
    if "@" in text:
        raise ValueError(
            "must not hold a user name or password: a proxy that asks for them is not supported; "
            "let it know this machine by its address"
        )
    parts = urlsplit(check_http_url(text))
    if parts.scheme != "http" or parts.port is None or parts.path:
        raise ValueError("must be http://HOST:PORT")
    return f"http://{parts.netloc}"


def _check_platform(text: str) -> str:
    if text not in PLATFORMS:
        raise ValueError(f"must be one of: {', '.join(sorted(PLATFORMS))}")
    return text


CaFile = Annotated[Path, AfterValidator(_check_authorities)]
SecretFile = Annotated[Path, AfterValidator(check_secret_file)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ModelName = Annotated[str, Field(min_length=1, max_length=256)]
ModelPattern = ModelName
Host = Annotated[str, AfterValidator(check_host)]
HttpUrl = Annotated[str, AfterValidator(check_http_url)]
ProxyUrl = Annotated[str, AfterValidator(_check_proxy_url)]
StoreUrl = Annotated[str, AfterValidator(check_store_url)]
PlatformName = Annotated[str, AfterValidator(_check_platform)]
Namespace = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
