"""The main port with TLS: as an upstream behind a private authority."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.simulator.raw_client import chat, connect, listen
from tests.servers.certificates import Authority
from tests.servers.ports import free_ports
from tests.servers.process import ROOT, clean_environment

AUTHORITY = Authority("simulated authority")


@pytest.fixture(scope="module")
def trust() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=AUTHORITY.ca.decode())


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a simulator that speaks TLS."""
    directory = tmp_path_factory.mktemp("tls")
    pair = AUTHORITY.issue("simulator")
    cert, key = directory / "cert.pem", directory / "key.pem"
    cert.write_bytes(pair.cert)
    key.write_bytes(pair.key)
    (port,) = free_ports(1)
    arguments = ["--port", str(port), "--tls-cert", str(cert), "--tls-key", str(key)]
    process = start(*arguments)
    try:
        assert process.stdout is not None
        assert f"https://127.0.0.1:{port}" in process.stdout.readline()
        yield port
    finally:
        process.terminate()
        process.communicate()


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_exchanges_name_the_same_address(port: int, trust: ssl.SSLContext) -> None:
    with httpx.Client(verify=trust, trust_env=False) as client:
        headers = {"Authorization": "token ghu_simulated_octocat"}
        url = f"https://127.0.0.1:{port}"
        answer = client.get(f"{url}/copilot_internal/v2/token", headers=headers)
    assert answer.json()["endpoints"]["api"] == url


def test_nobody_is_trusted_by_default(port: int) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://127.0.0.1:{port}/_ping", trust_env=False)


def test_plain_http_is_not_spoken(port: int) -> None:
    assert chat(port).raw == b""


@pytest.mark.parametrize(("how", "ends"), [("cut", {"fin"}), ("reset", {"reset", "fin"})])
def test_faults_work_there_too(port: int, trust: ssl.SSLContext, how: str, ends: set[str]) -> None:
    rule = {"times": 1, "match": {"endpoint": "chat"}, "end": {"how": how, "after_events": 3}}
    url = f"https://127.0.0.1:{port}/_simulator/faults"
    httpx.post(url, json=rule, verify=trust, trust_env=False).raise_for_status()
    trust.check_hostname = True
    with connect(port, tls=trust) as connection:
        heard = listen(connection)
    assert heard.end in ends
    assert b"[DONE]" not in heard.raw


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot use"), ("nonsense", "cannot use")],
)
def test_certificates_that_cannot_be_used_are_one_line_and_exit_code_2(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "pair.pem"
    if content is not None:
        path.write_text(content)
    process = start("--port", "8090", "--tls-cert", str(path), "--tls-key", str(path))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert errors.startswith(f"simulator: {message} {path}")


def test_a_certificate_needs_its_key() -> None:
    process = start("--port", "8090", "--tls-cert", "cert.pem")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "go together" in errors
