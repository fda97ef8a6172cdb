"""What docs/clients.md tells users to paste works, against the running pair."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.sdk.scene import ALIASES
from tests.servers.pair import Pair
from tests.servers.process import ROOT, clean_environment
from tests.servers.simulator import Simulator

DEFAULT_URL = "http://127.0.0.1:8080"
KEY = "COPILOT_GATEWAY_KEY"
PLACEHOLDER = "cgw_…"
DOCUMENT = (ROOT / "docs" / "clients.md").read_text()
SECTIONS: dict[str, str] = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S))


def blocks(language: str, section: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", SECTIONS[section], re.DOTALL)


def the_block(language: str, section: str) -> str:
    (found,) = blocks(language, section)
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: install it to run this")
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "data: [DONE]"),
        (1, "event: response.completed"),
        (2, "event: message_stop"),
        (3, '"embedding":'),
        (4, '"id":"claude-sonnet-4.6"'),
    ],
)
def test_the_curl_lines_answer(pair: Pair, tmp_path: Path, number: int, expected: str) -> None:
    lines = blocks("sh", "curl")
    assert len(lines) == 5
    done = subprocess.run(
        ["sh", "-c", lines[number].replace(DEFAULT_URL, pair.base_url)],
        cwd=tmp_path,
        env=clean_environment({KEY: pair.key}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert expected in done.stdout


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("OpenAI SDK", ["from claude-sonnet-4.6. You said: Hello", "from gpt-5.3-codex", "2\n"]),
        ("OpenAI Agents SDK", ["The tool answered: sunny"]),
        ("LangChain", ["from claude-sonnet-4.6. You said: Hello", "from gpt-5.3-codex", "1536\n"]),
        ("Anthropic SDK", ["from claude-sonnet-4.6. You said: Hello"]),
    ],
)
def test_the_python_examples_print_answers(
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    section: str,
    expected: list[str],
) -> None:
    code = the_block("python", section).replace(DEFAULT_URL, pair.base_url)
    monkeypatch.setenv(KEY, pair.key)
    exec(compile(code, section, "exec"), {"__name__": "example"})  # noqa: S102  ours
    printed = capsys.readouterr().out
    for words in expected:
        assert words in printed


def exported(script: str) -> dict[str, str]:
    """The variables that a script sets."""
    lines = [line.removeprefix("export ") for line in script.splitlines() if "export " in line]
    return dict(shlex.split(line)[0].split("=", 1) for line in lines)


def test_claude_code_is_told_where_and_what(
    pair: Pair, simulator: Simulator, raw: httpx.Client
) -> None:
    (said,) = [block for block in blocks("sh", "Claude Code") if "export" in block]
    by_shell = exported(said)
    by_file = json.loads(the_block("json", "Claude Code"))["env"]
    assert by_shell.pop("ANTHROPIC_AUTH_TOKEN") == f"${KEY}"
    assert by_file.pop("ANTHROPIC_AUTH_TOKEN") == PLACEHOLDER
    assert by_shell == by_file
    assert by_file.pop("ANTHROPIC_BASE_URL") == DEFAULT_URL
    for model in {*by_file.values(), "gpt-5.3-codex"}:
        body = {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "Hi"}]}
        answer = raw.post("/v1/messages?beta=true", json=body)
        assert answer.json()["type"] == "message"


def test_claude_codes_other_names_are_aliases() -> None:
    (group,) = yaml.safe_load(the_block("yaml", "Claude Code"))["groups"]
    assert group["models"]["aliases"] == ALIASES


def test_two_different_keys_are_refused(pair: Pair, raw: httpx.Client) -> None:
    answer = raw.post("/v1/messages", json={}, headers={"x-api-key": "sk-another"})
    assert answer.status_code == 401
    assert answer.headers["x-gateway-error"] == "caller_keys_conflict"


def test_codex_is_told_where_and_what(pair: Pair, raw: httpx.Client) -> None:
    said = tomllib.loads(the_block("toml", "Codex"))
    provider = said["model_providers"][said["model_provider"]]
    assert (provider["env_key"], provider["wire_api"]) == (KEY, "responses")
    url = provider["base_url"].replace(DEFAULT_URL, pair.base_url) + "/responses"
    answer = raw.post(url, json={"model": said["model"], "input": "Hi", "stream": True})
    assert "event: response.completed" in answer.text


def test_opencode_is_told_where_and_what(pair: Pair, raw: httpx.Client) -> None:
    said: dict[str, Any] = json.loads(the_block("json", "opencode"))
    ((name, provider),) = said["provider"].items()
    assert provider["options"]["apiKey"] == f"{{env:{KEY}}}"
    url = provider["options"]["baseURL"].replace(DEFAULT_URL, pair.base_url) + "/chat/completions"
    models = [f"{name}/{model}" for model in provider["models"]]
    assert {said["model"], said["small_model"]} <= set(models)
    for model in provider["models"]:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        assert raw.post(url, json=body).text.endswith("data: [DONE]\n\n")


def test_every_link_of_the_table_leads_somewhere() -> None:
    anchors = {name.lower().replace(" ", "-") for name in SECTIONS}
    assert set(re.findall(r"\]\(#([^)]+)\)", DOCUMENT)) <= anchors
