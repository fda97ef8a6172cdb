"""The sections `github` and `egress`: whom tokens are asked of, and the way there."""

from typing import Annotated

from pydantic import Field

from runtime.configuration import Section
from token_service.settings.values import CaFile, ProxyUrl, SecureUrl


class GitHub(Section):
    """github.com, or what stands for it."""

    api_url: SecureUrl = "https://api.github.com"
    web_url: SecureUrl = "https://github.com"
    timeout_seconds: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] = 10


class Egress(Section):
    """The way out."""

    proxy_url: ProxyUrl | None = None
    ca_file: CaFile | None = None
