"""Images in requests: OpenAI's URLs and Anthropic's sources, one into the other."""

import re
from typing import Any

from gateway.domain.errors import Fault, GatewayError

_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]+);base64,(.*)", re.IGNORECASE | re.DOTALL)


def source_of(url: str) -> dict[str, Any]:
    """Anthropic's `source` for an image's URL. Raises GatewayError for one it cannot be."""
    match = _DATA_URL.fullmatch(url)
    if match:
        return {"type": "base64", "media_type": match[1].lower(), "data": match[2]}
    if url.startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    raise GatewayError(
        Fault.CALLER_BODY_INVALID, "An image must be a data URL in base64, or an http(s) URL."
    )


def url_of(source: dict[str, Any]) -> str:
    """An image's URL for Anthropic's `source`. Raises GatewayError for one it cannot be."""
    kind, data = source.get("type"), source.get("data")
    if kind == "base64" and isinstance(data, str):
        return f"data:{source.get('media_type') or 'image/png'};base64,{data}"
    url = source.get("url")
    if kind == "url" and isinstance(url, str):
        return url
    raise GatewayError(
        Fault.CALLER_BODY_INVALID, "An image's source must be of type base64 or url."
    )
