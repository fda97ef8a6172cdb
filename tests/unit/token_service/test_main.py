"""Arguments in, exit code out."""

from pathlib import Path

import pytest

from token_service.__main__ import main


def test_a_missing_configuration_names_the_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "--config" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "none.yaml"), "--check"]) == 2
    assert "no such file" in capsys.readouterr().err


def test_check_shows_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    sample = Path(__file__).resolve().parents[3] / "token-service.sample.yaml"

    assert main(["--config", str(sample), "--check"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("configuration is valid\n")
    assert "seat-1: strategy exchange (auto), ghu_" in out
    assert "replace-me" not in out


def test_check_shows_every_problem_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "listen: {grpc: '0.0.0.0:50051'}\n"
        "store: {url: 'valkey://u:secret-password@h'}\n"
        "accounts:\n"
        "  - {id: a, github_token: ghp_secret1}\n"
        "  - {id: a, github_token: gho_secret2, github_token_file: /nonexistent}\n"
        "  - {id: b, strategy: github_app, github_token: ghs_secret3}\n"
    )

    assert main(["--config", str(file), "--check"]) == 2
    err = capsys.readouterr().err
    assert "10 problem(s)" in err
    assert "secret" not in err


def test_login_without_a_client_id_names_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    """No client id is shipped, and none is suggested (copilot-upstream.md §1)."""
    assert main(["login"]) == 2
    err = capsys.readouterr().err
    for word in ("--client-id", "github_token_file", "strategy: direct"):
        assert word in err
    assert "Iv1" not in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--host", "evil.example"], "must be github.com"),
        (["--web-url", "http://github.com"], "must be https"),
        (["--account", "a/b"], "must be lower-case"),
        (["--format", "tattoo"], "invalid choice"),
    ],
)
def test_login_refuses_bad_arguments(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["login", "--client-id", "x", *arguments])

    assert raised.value.code == 2
    assert text in capsys.readouterr().err
