"""The configuration of a running process is replaced: by SIGHUP, and as Kubernetes does it."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import yaml

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from tests.servers.mounted import mount
from tests.servers.ports import free_ports
from tests.servers.process import ServiceProcess
from tests.servers.scripted_github import EXCHANGE, ScriptedGitHub, scripted_github
from tests.servers.valkey_server import ValkeyServer

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 10.0


class Reloading:
    """A process whose configuration lies in a directory as Kubernetes mounts it.

    Every file is a link into `..data`, which is a link to the current version.
    """

    def __init__(self, directory: Path, github: ScriptedGitHub, **content: Any) -> None:
        rpc, ops = free_ports(2)
        self.address = f"127.0.0.1:{rpc}"
        self.ops_url = f"http://127.0.0.1:{ops}"
        self.github = github
        self._directory = directory
        self._base = {
            "listen": {"grpc": self.address, "ops": f"127.0.0.1:{ops}"},
            "github": {"api_url": github.url},
            **content,
        }
        self.process = ServiceProcess(
            ["token_service", "--config", str(directory / "token-service.yaml")],
            f"{self.ops_url}/readyz",
        )

    def account(self, name: str, **more: Any) -> dict[str, Any]:
        """The entry of an account whose credential is in the mounted directory."""
        return {"id": name, "github_token_file": str(self._directory / name), **more}

    def mount(
        self, accounts: list[dict[str, Any]], credentials: Mapping[str, str], **content: Any
    ) -> None:
        """Replace all the files in one step."""
        document = {**self._base, "accounts": accounts, **content}
        files = {**credentials, "token-service.yaml": yaml.safe_dump(document)}
        mount(self._directory, **{name: text.encode() for name, text in files.items()})

    def hang_up(self) -> None:
        """Send SIGHUP."""
        assert self.process.process is not None
        self.process.process.send_signal(signal.SIGHUP)

    async def get(self, account: str, caller: str = "") -> str:
        """The token, or the status that came instead. caller: its token."""
        async with grpc.aio.insecure_channel(self.address) as channel:
            request = pb.GetCopilotTokenRequest(account=account)
            try:
                answer = await TokenServiceStub(channel).GetCopilotToken(
                    request, timeout=5, metadata=(("authorization", f"Bearer {caller}"),)
                )
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return str(answer.token.value)

    async def metrics(self) -> str:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{self.ops_url}/metrics")).text

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The log lines with this message."""
        found = [json.loads(line) for line in self.process.output().splitlines()]
        return [line for line in found if line["message"] == message]

    async def until_reloaded(self, **said: str) -> dict[str, Any]:
        """The line of a reading that says this; waited for, as another process writes it."""

        def found() -> list[dict[str, Any]]:
            lines = self.lines("configuration read again")
            return [line for line in lines if said.items() <= line.items()]

        await until(lambda: bool(found()))
        return found()[0]

    @property
    def credentials_used(self) -> list[str]:
        """What was presented to GitHub, in order."""
        asked = [headers for path, headers, _ in self.github.requests if path == EXCHANGE]
        return [headers["Authorization"].removeprefix("token ") for headers in asked]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def started(
    tmp_path: Path, strategy: str = "auto", **content: Any
) -> AsyncIterator[Reloading]:
    """With the accounts a and b."""
    async with scripted_github() as github:
        made = Reloading(tmp_path, github, **content)
        made.mount(
            [made.account("a", strategy=strategy), made.account("b")],
            {"a": "ghu_secret_a", "b": "ghu_secret_b"},
        )
        await asyncio.to_thread(made.process.__enter__)
        try:
            yield made
        finally:
            await asyncio.to_thread(made.process.__exit__, None, None, None)


async def test_sighup_replaces_the_accounts_without_dropping_a_call(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        token, other = await made.get("a"), await made.get("b")
        assert "secret-token" in token
        assert "secret-token" in other
        failures: list[str] = []
        ended = asyncio.Event()

        async def calling() -> None:
            while not ended.is_set():
                answer = await made.get("a")
                if answer != token:
                    failures.append(answer)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(calling())
            made.mount(
                [made.account("a"), made.account("c")],
                {"a": "ghu_secret_a", "c": "ghu_secret_c"},
                grpc={"reflection": True},
            )
            made.hang_up()
            line = await made.until_reloaded(added="c", removed="b")
            assert await made.get("b") == "NOT_FOUND"
            assert "secret-token" in await made.get("c")
            ended.set()

        assert failures == []
        assert made.credentials_used == ["ghu_secret_a", "ghu_secret_b", "ghu_secret_c"]
        assert line["accounts"] == 2
        assert made.lines("changed, but only a restart takes it over")[-1]["settings"] == (
            "grpc.reflection"
        )
        metrics = await made.metrics()
        assert 'account="b"' not in metrics
        assert 'copilot_account_state{account="c",state="ready"} 1.0' in metrics
        assert "copilot_config_reload_failures_total 0.0" in metrics
        assert await asyncio.to_thread(made.process.terminate) == 0
        assert "ghu_secret" not in made.process.output()


async def test_a_replaced_directory_is_noticed_and_a_bad_one_changes_nothing(
    tmp_path: Path,
) -> None:
    async with started(tmp_path) as made:
        token = await made.get("a")
        made.mount([made.account("a"), {"id": "b"}, made.account("c")], {"a": "ghu_secret_a"})
        await until(lambda: len(made.lines("configuration refused")) == 2)
        problems = [line["problem"] for line in made.lines("configuration refused")]
        assert problems[0].startswith("accounts[2].github_token_file: ")
        assert problems[1].startswith("accounts[1].github_token_file: required")
        assert await made.get("a") == token
        assert "secret-token" in await made.get("b")
        assert await made.get("c") == "NOT_FOUND"
        assert "copilot_config_reload_failures_total 0.0" not in await made.metrics()

        made.mount([made.account("c")], {"c": "ghu_secret_c"})
        await made.until_reloaded(added="c")
        assert await made.get("a") == "NOT_FOUND"
        assert "secret-token" in await made.get("c")


async def test_a_replaced_credential_is_used_for_the_next_exchange(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        made.mount(
            [made.account("a"), made.account("b")], {"a": "ghu_secret_new", "b": "ghu_secret_b"}
        )
        made.hang_up()
        await made.until_reloaded(changed="a")
        assert "secret-token" in await made.get("a")

        assert made.credentials_used == ["ghu_secret_new"]


async def test_a_credential_that_is_itself_the_token_is_replaced_at_once(tmp_path: Path) -> None:
    """Under direct the old one may have been revoked."""
    async with started(tmp_path, strategy="direct") as made:
        assert await made.get("a") == "ghu_secret_a"
        made.mount([made.account("a", strategy="direct")], {"a": "ghu_secret_new"})
        made.hang_up()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await made.get("a") != "ghu_secret_new":
                pass


async def test_a_removed_accounts_record_leaves_the_shared_store(tmp_path: Path) -> None:
    """Nobody would ever renew it, or look at it again."""
    with ValkeyServer() as valkey:
        key = tmp_path / "store-keys"
        key.write_text("A" * 43 + "=\n")
        store = {"url": valkey.url, "encryption_key_file": str(key)}
        async with started(tmp_path, store=store) as made:
            await made.get("a")
            await made.get("b")
            assert b"b}:record" in valkey.command("KEYS", "*")
            made.mount([made.account("a")], {"a": "ghu_secret_a"})
            made.hang_up()
            await made.until_reloaded(removed="b")
            await until(lambda: b"b}:record" not in valkey.command("KEYS", "*"))

            assert b"a}:record" in valkey.command("KEYS", "*")


def callers(*tokens: str) -> dict[str, Any]:
    known = [
        {"id": token, "token_sha256": sha256(token.encode()).hexdigest(), "accounts": ["*"]}
        for token in tokens
    ]
    return {"mode": "tokens", "callers": known}


async def test_callers_are_replaced_with_the_accounts(tmp_path: Path) -> None:
    async with started(tmp_path, auth=callers("first")) as made:
        token = await made.get("a", "first")
        assert "secret-token" in token
        assert await made.get("a", "second") == "UNAUTHENTICATED"
        credentials = {"a": "ghu_secret_a", "c": "ghu_secret_c"}
        accounts = [made.account("a"), made.account("c")]
        made.mount(accounts, credentials, auth=callers("second"))
        made.hang_up()
        await made.until_reloaded(added="c")

        assert await made.get("a", "first") == "UNAUTHENTICATED"
        assert await made.get("a", "second") == token


async def test_a_stream_ends_with_the_rights_of_its_caller(tmp_path: Path) -> None:
    async with started(tmp_path, auth=callers("first")) as made:
        await made.get("a", "first")
        async with grpc.aio.insecure_channel(made.address) as channel:
            stream = TokenServiceStub(channel).WatchCopilotToken(
                pb.WatchCopilotTokenRequest(accounts=["a"]),
                timeout=PATIENCE_SECONDS,
                metadata=(("authorization", "Bearer first"),),
            )
            first: Any = await stream.read()
            assert first.token.value
            made.mount([made.account("a")], {"a": "ghu_secret_a"}, auth=callers("second"))
            made.hang_up()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await stream.read()

        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await made.get("a", "first") == "UNAUTHENTICATED"
