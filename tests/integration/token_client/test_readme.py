"""What token_client/README.md says works, and leaves nothing out."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest

from protos.token_service.v1 import token_service_pb2 as pb
from tests.integration.token_client.test_watching import client_of
from tests.servers.certificates import Authority
from tests.servers.mounted import mount
from tests.servers.process import ROOT, clean_environment
from tests.servers.scripted_broker import Failure, ScriptedBroker, serving, token
from token_client.client import TokenClient
from token_client.token import Token

pytestmark = pytest.mark.anyio
README = (ROOT / "token_client/README.md").read_text()
PROTO = (ROOT / "protos/token_service/v1/token_service.proto").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def cells(title: str) -> list[list[str]]:
    """The rows of the table of a section, cell by cell."""
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert match
    rows = [line.strip("| ").split(" | ") for line in match[1].splitlines() if line[:3] == "| `"]
    return [[cell.strip() for cell in row] for row in rows]


async def test_the_first_example_gets_a_token_over_tls_with_a_bearer_token(tmp_path: Path) -> None:
    authority, broker = Authority(), ScriptedBroker()
    pair = authority.issue("localhost")
    files = mount(tmp_path, ca=authority.ca, token=b"the-callers")
    credentials = grpc.ssl_server_credentials([(pair.key, pair.cert)])
    async with serving(broker, credentials=credentials) as port:
        code = blocks("python")[0]
        for written, real in (
            ("dns:///token-service.copilot.svc:50051", f"127.0.0.1:{port}"),
            ("/etc/broker/ca.pem", str(files["ca"])),
            ("/var/run/secrets/broker/token", str(files["token"])),
        ):
            assert written in code
            code = code.replace(written, real)
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 0, done.stderr
    assert "POST https://api.githubcopilot.com/chat/completions" in done.stdout
    assert "token-1" not in done.stdout
    assert broker.bearers[0] == "Bearer the-callers"


def second_example() -> Callable[[TokenClient, object], Awaitable[int]]:
    names: dict[str, object] = {}
    exec(blocks("python")[1], names)  # noqa: S102  it is our own page
    return names["ask"]  # type: ignore[return-value]


async def test_the_second_example_tries_again_with_the_new_token() -> None:
    broker, sent = ScriptedBroker([token(1), token(2)]), []

    async def send(token: Token) -> int:
        sent.append(token.value)
        return 401 if token.value == "token-1" else 200

    async with serving(broker) as port, client_of(port) as client:
        assert await second_example()(client, send) == 200
    assert sent == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, "NO_COPILOT_ACCESS", "has to look: NO_COPILOT"),
        (grpc.StatusCode.UNAVAILABLE, "GITHUB_UNAVAILABLE", "try again in 2 s"),
    ],
)
async def test_the_second_example_says_what_to_do(
    code: grpc.StatusCode, reason: str, words: str
) -> None:
    async def send(token: Token) -> int:
        raise AssertionError

    async with serving(ScriptedBroker([Failure(code, reason)])) as port, client_of(port) as client:
        with pytest.raises(SystemExit, match=words):
            await second_example()(client, send)


def test_every_field_of_a_token_is_explained() -> None:
    named = {
        name for row in cells("The fields of a token") for name in re.findall("`(.+?)`", row[0])
    }
    assert named == {field.name for field in pb.CopilotToken.DESCRIPTOR.fields}


def test_every_reason_is_explained_with_its_status() -> None:
    rows = {(row[0].strip("`"), row[1]) for row in cells("The reasons of a failure")}
    assert rows == set(re.findall(r"^//   ([A-Z_]{6,}) +([A-Z_]{6,}) ", PROTO, re.MULTILINE))


def test_what_the_other_languages_name_is_there() -> None:
    text = " ".join(blocks("go") + blocks("sh"))
    service = pb.DESCRIPTOR.services_by_name["TokenService"]
    assert f"{service.full_name}/GetCopilotToken" in text
    assert all((ROOT / path).exists() for path in re.findall(r"protos/\S+\.proto", text))
    for go in ("RefreshIn", "ExpiresIn"):
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", go).lower()
        assert name in pb.CopilotToken.DESCRIPTOR.fields_by_name


def test_every_public_method_of_the_client_is_in_its_table() -> None:
    public = {name for name in vars(TokenClient) if not name.startswith("_")}
    assert public == set(re.findall(r"^\| `(?:await )?(\w+)\(", README, re.MULTILINE))
