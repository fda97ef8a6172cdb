"""What a URL comes to."""

import pytest

from gateway.adapters.upstream_pool.destination import MOST_KEPT, Destinations, Target


@pytest.mark.parametrize(
    ("url", "target", "line_end"),
    [
        ("https://a.example/x?y=z#f", ("a.example", 443, True), "/x?y=z|a.example"),
        ("http://A.Example", ("a.example", 80, False), "/|a.example"),
        ("http://a.example:8080/", ("a.example", 8080, False), "/|a.example:8080"),
        ("https://[::1]:8443/a b", ("::1", 8443, True), "/a%20b|[::1]:8443"),
        ("https://bücher.example/ü", ("xn--bcher-kva.example", 443, True), None),
    ],
)
def test_urls_are_read(url: str, target: tuple[str, int, bool], line_end: str | None) -> None:
    found = Destinations(absolute=False).of(url)
    assert found.target == Target(*target)
    if line_end is not None:
        path, _, host = line_end.partition("|")
        assert found.line_end == f"{path} HTTP/1.1\r\nHost: {host}\r\n"


def test_a_proxy_gets_the_whole_url_of_plain_http_alone() -> None:
    destinations = Destinations(absolute=True)
    assert destinations.of("http://a.example/x").line_end.startswith("http://a.example/x HTTP/1.1")
    assert destinations.of("https://a.example/x").line_end.startswith("/x HTTP/1.1")


@pytest.mark.parametrize(
    "url", ["", "x", "/x", "http://", "ftp://a.example", "https://u:p@a.example", "http://a:99999"]
)
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Destinations(absolute=False).of(url)


def test_what_is_remembered_is_bounded() -> None:
    destinations = Destinations(absolute=False)
    for number in range(MOST_KEPT + 10):
        destinations.of(f"https://a{number}.example/x")
    assert len(destinations._kept) <= MOST_KEPT
