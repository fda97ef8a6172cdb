"""Where a new credential goes."""

from pathlib import Path

import pytest
import yaml

from token_service.cli.account_entry import Destination, check, deliver
from token_service.domain.credentials import CredentialKind
from token_service.domain.device_flow import LoginFailed

KIND = CredentialKind.USER_TO_SERVER


def test_an_entry_with_its_file(tmp_path: Path) -> None:
    out = tmp_path / "entry.yaml"
    destination = Destination("seat-7", "acme.ghe.com", out=out)
    text, notes = deliver(destination, "ghu_test", KIND)

    token_file = tmp_path / "seat-7.token"
    (entry,) = yaml.safe_load(out.read_text())
    assert entry == {
        "id": "seat-7",
        "github_token_file": str(token_file),
        "github_host": "acme.ghe.com",
        "strategy": "auto",
    }
    assert token_file.read_text() == "ghu_test\n"
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert "ghu_test" not in text + notes + out.read_text()


def test_without_out_the_entry_is_printed_and_the_credential_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text, notes = deliver(Destination("seat-1", "github.com"), "ghu_test", KIND)

    assert "id: seat-1" in text
    assert "ghu_test" not in text + notes
    assert (tmp_path / "seat-1.token").read_text() == "ghu_test\n"


def test_the_credential_is_shown_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, notes = deliver(Destination("seat-1", "github.com", show_token=True), "ghu_test", KIND)

    assert "ghu_test" in notes
    assert list(tmp_path.iterdir()) == []


def test_a_kubernetes_secret(tmp_path: Path) -> None:
    out = tmp_path / "secret.yaml"
    destination = Destination("seat-1", "github.com", "secret", "copilot-credentials", out)
    text, notes = deliver(destination, "ghu_test", KIND)

    assert yaml.safe_load(out.read_text()) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "copilot-credentials"},
        "type": "Opaque",
        "stringData": {"seat-1": "ghu_test"},
    }
    assert out.stat().st_mode & 0o777 == 0o600
    assert "ghu_test" not in text + notes


def test_an_oauth_token_comes_with_a_word_about_direct(tmp_path: Path) -> None:
    out = tmp_path / "entry.yaml"
    deliver(Destination("a", "github.com", out=out), "gho_test", CredentialKind.OAUTH)

    assert "strategy: direct" in out.read_text()
    assert yaml.safe_load(out.read_text())[0]["strategy"] == "auto"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """It is found out before the sign-in, which cannot be repeated for free."""
    (tmp_path / "seat-1.token").write_text("precious")
    with pytest.raises(LoginFailed, match="exists already"):
        check(Destination("seat-1", "github.com", out=tmp_path / "entry.yaml"))
    with pytest.raises(LoginFailed, match="cannot be written"):
        deliver(Destination("seat-1", "github.com", out=tmp_path / "entry.yaml"), "x", KIND)

    assert (tmp_path / "seat-1.token").read_text() == "precious"


def test_a_secret_needs_a_place() -> None:
    with pytest.raises(LoginFailed, match="--out"):
        check(Destination("seat-1", "github.com", "secret"))


def test_a_missing_directory_is_found_before_the_sign_in(tmp_path: Path) -> None:
    with pytest.raises(LoginFailed, match="cannot be written to"):
        check(Destination("seat-1", "github.com", out=tmp_path / "none" / "entry.yaml"))
