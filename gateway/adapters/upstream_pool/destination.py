"""What a URL comes to: whom to connect to, and the first lines of a request there."""

from typing import NamedTuple

from yarl import URL

MOST_KEPT = 4_096
"""As many accounts may have a host each."""
DEFAULT_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """Connections to the same target are interchangeable."""

    host: str
    port: int
    is_tls: bool


class Destination(NamedTuple):
    """A URL, read."""

    target: Target
    line_end: str
    """What follows the method and a space: the request's target, the version, `Host`."""


class Destinations:
    """Reads URLs, and remembers the latest: there are few, and each is asked for often.

    absolute: plain http goes through a proxy, which wants whole URLs.
    """

    def __init__(self, *, absolute: bool) -> None:
        self._absolute = absolute
        self._kept: dict[str, Destination] = {}

    def of(self, url: str) -> Destination:
        """Raises ValueError for what is no URL of http, or has credentials in it."""
        found = self._kept.get(url)
        if found is None:
            found = self._read(URL(url))
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[url] = found
        return found

    def _read(self, url: URL) -> Destination:
        url = url.with_fragment(None)
        host, port, authority = url.raw_host, url.port, url.host_port_subcomponent
        if url.scheme not in DEFAULT_PORTS or not host or port is None or authority is None:
            raise ValueError("no URL of http")
        if url.raw_user or url.raw_password:
            raise ValueError("a URL with credentials")
        is_tls = url.scheme == "https"
        path = str(url) if self._absolute and not is_tls else url.raw_path_qs
        return Destination(Target(host, port, is_tls), f"{path} HTTP/1.1\r\nHost: {authority}\r\n")
