"""The sections `store` and `egress`: what is shared, and the way out."""

from pathlib import Path
from typing import Any

import pytest

from tests.servers.certificates import Authority
from tests.unit.gateway.settings.documents import problems, read


@pytest.mark.parametrize(
    "url", ["valkey://host", "valkeys://user@host:6380/3", "redis://10.0.0.1", "rediss://[::1]"]
)
def test_a_store_can_be_shared(tmp_path: Path, url: str) -> None:
    password, authorities = tmp_path / "password", tmp_path / "ca.pem"
    password.write_text("secret-of-store\n")
    authorities.write_bytes(Authority().ca)
    section = {"url": url, "password_file": str(password), "ca_file": str(authorities)}
    settings = read(tmp_path, store=section)
    assert settings.store.is_shared
    assert settings.store.namespace == "copilot-gateway"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("section", "where", "words"),
    [
        ({"url": "http://host"}, "store.url", "must be memory://"),
        ({"url": "valkey://u:secret@host"}, "store.url", "store.password_file"),
        ({"url": "valkey://host/x"}, "store.url", "database's number"),
        ({"namespace": "a b"}, "store.namespace", "pattern"),
        ({"password_file": "/nonexistent/x"}, "store.password_file", "no such file"),
        ({"ca_file": "/nonexistent/x"}, "store.ca_file", "cannot be read"),
    ],
)
def test_a_store_is_judged_and_never_quoted(
    tmp_path: Path, section: dict[str, Any], where: str, words: str
) -> None:
    (problem,) = problems(tmp_path, store=section)
    assert problem.startswith(f"{where}: ")
    assert words in problem
    assert "secret" not in problem


@pytest.mark.parametrize("url", ["http://proxy.example:3128", "http://[fd00::1]:3128/"])
def test_a_proxy_is_a_host_and_a_port(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, egress={"proxy_url": url}).egress.proxy_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://user:secret@proxy:3128", "must not hold a user name or password"),
        ("http://user@proxy:3128", "must not hold a user name or password"),
        ("http://proxy", "must be http://HOST:PORT"),
        ("https://proxy:3128", "must be http://HOST:PORT"),
        ("http://proxy:3128/path", "must be http://HOST:PORT"),
        ("http://proxy:3128?x=secret", "plain URL"),
        ("socks5://proxy:1080", "https URL"),
        ("http://proxy:port", "must be a URL"),
        ("proxy:3128", "https URL"),
    ],
)
def test_a_proxy_is_judged_and_never_quoted(tmp_path: Path, url: str, words: str) -> None:
    (problem,) = problems(tmp_path, egress={"proxy_url": url})
    assert problem.startswith("egress.proxy_url: ")
    assert words in problem
    assert "secret" not in problem


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("llm.internal", "llm.internal"),
        ("LLM.Internal.", "llm.internal"),
        ("10.0.0.7", "10.0.0.7"),
        ("FD00:0:0::7", "fd00::7"),
        ("my_service", "my_service"),
    ],
)
def test_a_private_host_has_one_spelling(tmp_path: Path, said: str, meant: str) -> None:
    assert read(tmp_path, egress={"private_hosts": [said]}).egress.private_hosts == (meant,)


@pytest.mark.parametrize(
    "host", ["", "https://llm", "llm:8000", "*.internal", "a b", "llm/x", "a..b", "-a", "a" * 254]
)
def test_a_private_host_is_a_name_and_no_pattern(tmp_path: Path, host: str) -> None:
    (problem,) = problems(tmp_path, egress={"private_hosts": [host]})
    assert problem.startswith("egress.private_hosts[0]: must be a host's name")


def test_authorities_have_to_be_readable(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    for path in (file, tmp_path / "gone"):
        (problem,) = problems(tmp_path, egress={"ca_file": str(path)})
        assert problem.startswith(f"egress.ca_file: {path}: ")
