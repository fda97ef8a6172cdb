"""The section `token_service`: how the way to the broker is secured."""

from pathlib import Path

import pytest

from tests.servers.certificates import Authority
from tests.servers.mounted import mount
from tests.unit.gateway.settings.documents import problems, read

CA = Authority()
PAIR = CA.issue("gateway")


def test_the_way_to_the_broker_can_be_secured(tmp_path: Path) -> None:
    files = mount(tmp_path / "tls", ca=CA.ca, cert=PAIR.cert, key=PAIR.key, token=b"word")
    tls = {f"{name}_file": str(files[name]) for name in ("ca", "cert", "key")}
    section = {"tls": tls, "token_file": str(files["token"])}
    assert read(tmp_path, token_service=section).token_service.tls.wanted


@pytest.mark.parametrize(
    ("section", "where", "words"),
    [
        ({"tls": {"ca_file": "DIR/gone"}}, "token_service.tls.ca_file", "cannot be read"),
        ({"tls": {"ca_file": "DIR/key"}}, "token_service.tls.ca_file", "no certificates"),
        ({"tls": {"cert_file": "DIR/cert"}}, "token_service.tls", "both or neither"),
        (
            {"tls": {"cert_file": "DIR/cert", "key_file": "DIR/other"}},
            "token_service.tls",
            "belong together",
        ),
        (
            {"tls": {"cert_file": "DIR/gone", "key_file": "DIR/key"}},
            "token_service.tls",
            "belong together",
        ),
        ({"token_file": "DIR/gone"}, "token_service.token_file", "no such file"),
    ],
)
def test_files_that_cannot_secure_it_are_named(
    tmp_path: Path, section: dict[str, dict[str, str] | str], where: str, words: str
) -> None:
    directory = tmp_path / "tls"
    mount(directory, cert=PAIR.cert, key=PAIR.key, other=CA.issue("other").key)
    (problem,) = problems(tmp_path, token_service=_in(directory, section))
    assert problem.startswith(f"{where}: ")
    assert words in problem
    assert "PRIVATE" not in problem


def _in(
    directory: Path, section: dict[str, dict[str, str] | str]
) -> dict[str, dict[str, str] | str]:
    place = str(directory)
    return {
        name: value.replace("DIR", place)
        if isinstance(value, str)
        else {inner: path.replace("DIR", place) for inner, path in value.items()}
        for name, value in section.items()
    }
