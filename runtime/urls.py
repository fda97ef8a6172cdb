"""Checks of URLs in configurations: of HTTP servers, and of shared stores.

Each returns the URL or raises ValueError with a sentence that quotes nothing of it (it may hold a
secret by mistake). Connects to nothing.
"""

from urllib.parse import SplitResult, urlsplit

MEMORY = "memory://"
STORE_SCHEMES = ("valkey", "valkeys", "redis", "rediss")


def check_http_url(text: str) -> str:
    """An http or https URL of a host and perhaps a path, without a trailing slash."""
    parts = _split(text)
    if "@" in parts.netloc or parts.query or parts.fragment or not text.isprintable():
        raise ValueError("must be a plain URL, without a user name, query or fragment")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an https URL")
    return text.rstrip("/")


def check_store_url(text: str) -> str:
    """`memory://`, or a Valkey or Redis: `valkey(s)://[user@]host[:port][/database]`."""
    if text == MEMORY:
        return text
    parts = _split(text)
    if parts.scheme not in STORE_SCHEMES or not parts.hostname or not text.isprintable():
        raise ValueError("must be memory://, or valkey://, valkeys://, redis:// or rediss:// HOST")
    if parts.password is not None:
        raise ValueError("must not hold a password; name its file in store.password_file")
    database = parts.path.strip("/")
    if parts.query or parts.fragment or (database and not database.isdecimal()):
        raise ValueError("may have a database's number after the host, and nothing else")
    return text


def host_of(url: str) -> str:
    """The host a checked URL names, in lower case; an IPv6 address without brackets."""
    return urlsplit(url).hostname or ""


def _split(text: str) -> SplitResult:
    """The URL taken apart. Reading the port checks it."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    return parts
