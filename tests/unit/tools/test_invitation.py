"""The one line a newcomer copies."""

import json
import shlex

import pytest

from tools import invitation
from tools.plan import Options, Ports, plan

KEY = "cgw_for_tests"


def curl(environ: dict[str, str]) -> list[str]:
    text = invitation.text(plan({}, Options(ports=Ports(gateway=1234))), KEY, environ)
    (line,) = [line for line in text.splitlines() if "curl" in line]
    return shlex.split(line)


def test_the_line_calls_this_gateway_with_this_key_and_streams() -> None:
    words = curl({})
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:1234/copilot/v1/chat/completions"]
    assert f"Authorization: Bearer {KEY}" in words
    body = json.loads(words[words.index("-d") + 1])
    assert body["stream"] is True
    assert body["model"] == "gpt-4o-mini"


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_shell_is_not_asked_for_loopback(variable: str) -> None:
    assert curl({variable: "http://proxy.example"})[2:4] == ["--noproxy", "127.0.0.1"]
