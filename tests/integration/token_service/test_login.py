"""`python -m token_service login` against a GitHub that is scripted."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
import yaml

from tests.servers.process import ROOT, clean_environment
from tests.servers.scripted_github import Reply, ScriptedGitHub, scripted_github

pytestmark = pytest.mark.anyio

START = Reply(
    200,
    {
        "device_code": "secret-device-code",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://github.test/login/device",
        "expires_in": 60,
        "interval": 0.01,
    },
)


async def login(github: ScriptedGitHub, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "token_service",
        "login",
        "--client-id",
        "client",
        "--web-url",
        github.url,
        *arguments,
        cwd=ROOT,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_sign_in_ends_in_an_entry_and_a_private_file(tmp_path: Path) -> None:
    out = tmp_path / "entry.yaml"
    async with scripted_github() as github:
        github.device.extend([START, Reply(200, {"access_token": "ghu_secret"})])
        code, printed, told = await login(github, "--out", str(out), "--account", "seat-9")

        assert [form.get("client_id") for _, _, form in github.requests] == ["client", "client"]
        assert github.requests[1][2]["device_code"] == "secret-device-code"
    assert code == 0
    assert "WDJB-MJHT" in told
    assert "secret" not in printed + told
    assert yaml.safe_load(out.read_text())[0]["id"] == "seat-9"
    assert (tmp_path / "seat-9.token").read_text() == "ghu_secret\n"
    assert (tmp_path / "seat-9.token").stat().st_mode & 0o777 == 0o600


async def test_a_refused_sign_in_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "entry.yaml"
    async with scripted_github() as github:
        github.device.extend([START, Reply(200, {"error": "access_denied"})])
        code, _, told = await login(github, "--out", str(out))

    assert code == 1
    assert "error: the sign-in was refused in the browser" in told
    assert os.listdir(tmp_path) == []


async def test_an_unknown_client_id(tmp_path: Path) -> None:
    async with scripted_github() as github:
        github.device.append(Reply(404, {"error": "Not Found"}))
        code, _, told = await login(github, "--out", str(tmp_path / "entry.yaml"))

    assert code == 1
    assert "Traceback" not in told


async def test_ctrl_c_is_clean(tmp_path: Path) -> None:
    async with scripted_github() as github:
        github.device.extend([START, *[Reply(200, {"error": "authorization_pending"})] * 100])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "token_service", "login", "--client-id", "client"),
            *("--web-url", github.url, "--out", str(tmp_path / "entry.yaml")),
            cwd=ROOT,
            env=clean_environment(),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        told = (await process.stderr.readline()).decode()
        process.send_signal(2)
        async with asyncio.timeout(20):
            told += (await process.stderr.read()).decode()
            assert await process.wait() == 1

    assert "stopped; nothing was saved" in told
    assert "Traceback" not in told
    assert os.listdir(tmp_path) == []
