"""Reads the fields of a Copilot token's text (copilot-upstream.md §3.3).

`tid=…;exp=…;sku=…;proxy-ep=…:<signature>`: fields up to the first colon. The text is a secret;
what is taken out of it here is not. Its layout is not promised, so that nothing may depend on a
field being there.
"""

import re


def fields(token: str) -> dict[str, str]:
    """The fields before the signature; empty for a token of another layout."""
    pairs = (pair.partition("=") for pair in token.partition(":")[0].split(";"))
    return {name: value for name, separator, value in pairs if separator}


def expiry(token: str) -> float | None:
    """`exp`: seconds since the epoch; None if the token does not say."""
    text = fields(token).get("exp", "")
    return float(text) if re.fullmatch(r"[0-9]{1,12}", text) else None
