"""The command line of `make run`."""

import pytest

from tools.options import option_of, parse
from tools.plan import Options, Ports


def test_no_options_are_the_documented_defaults() -> None:
    assert parse([]) == Options(ports=Ports(8080, 9102, 50051, 9101, 8090))


def test_every_port_has_an_option() -> None:
    assert option_of("token_service_ops") == "--token-service-ops-port"
    ports = {
        "gateway": 1,
        "gateway-ops": 2,
        "token-service": 3,
        "token-service-ops": 4,
        "simulator": 5,
    }
    arguments = [f"--{name}-port={port}" for name, port in ports.items()]
    assert parse(arguments).ports == Ports(1, 2, 3, 4, 5)


def test_an_upstream_url_loses_its_trailing_slash() -> None:
    assert parse(["--upstream-url", "http://a:1/"]).upstream_url == "http://a:1"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--gateway-port", "0"],
        ["--gateway-port", "65536"],
        ["--gateway-port", "²"],
        ["--gateway-port", "x"],
        ["--gateway", "1"],
        ["--upstream-url", "127.0.0.1:8090"],
        ["--upstream-url", "ftp://a"],
        ["--upstream-url", "http://user:word@a"],
        ["--log-level", "loud"],
        ["--nothing"],
        ["word"],
    ],
)
def test_what_cannot_be_read_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: make run")


def test_help_names_the_variables_and_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    shown = capsys.readouterr().out
    for word in ("COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "SIMULATOR=1", "--log-level"):
        assert word in shown
