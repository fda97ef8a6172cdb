"""URLs in configurations: which ones are accepted, and that none is quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.urls import MEMORY, check_http_url, check_store_url, host_of


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example", "https://api.example"),
        ("https://api.example/v1/", "https://api.example/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_server_is_a_scheme_a_host_and_perhaps_a_path(text: str, url: str) -> None:
    assert check_http_url(text) == url


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("api.example", "must be an https URL"),
        ("ftp://api.example", "must be an https URL"),
        ("https://", "must be an https URL"),
        ("https://user:secret@api.example", "without a user name"),
        ("https://api.example?x=secret", "without a user name, query"),
        ("https://api.example#secret", "without a user name, query or fragment"),
        ("https://api.example:secret", "must be a URL"),
        ("https://[secret", "must be a URL"),
    ],
)
def test_anything_else_is_refused_and_not_quoted(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        check_http_url(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", [MEMORY, "valkey://h", "valkeys://u@h:1/3", "redis://10.0.0.1", "rediss://[::1]:1/0"]
)
def test_a_store_is_this_process_or_a_server(text: str) -> None:
    assert check_store_url(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory://secret", "must be memory://"),
        ("valkey://", "must be memory://"),
        ("http://secret", "must be memory://"),
        ("valkey://u:secret@h", "store.password_file"),
        ("valkey://h/secret", "database's number"),
        ("valkey://h/0?x=secret", "database's number"),
        ("valkey://h:secret", "must be a URL"),
    ],
)
def test_any_other_store_is_refused_and_not_quoted(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        check_store_url(text)
    assert "secret" not in str(caught.value)


@given(st.text())
def test_text_is_accepted_or_refused_and_nothing_else(text: str) -> None:
    for check in (check_http_url, check_store_url):
        try:
            check(text)
        except ValueError as error:
            assert type(error) is ValueError  # noqa: PT017  any other one is a defect


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://API.Example:8443/x", "api.example"), ("http://[FD00::1]:1", "fd00::1")],
)
def test_a_host_is_named_in_lower_case_without_brackets(url: str, host: str) -> None:
    assert host_of(url) == host
