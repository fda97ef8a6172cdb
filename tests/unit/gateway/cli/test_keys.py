"""`keys new` as an operator sees it."""

import hashlib

import pytest

from gateway.__main__ import main
from gateway.domain.api_keys import is_mistyped


def test_a_new_key_is_shown_once_with_what_to_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new", "--id", "ci-bot", "--group", "team"]) == 0
    printed = capsys.readouterr().out
    lines = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    key = lines["key"].strip()
    assert not is_mistyped(key)
    assert lines["sha256"].strip() == hashlib.sha256(key.encode()).hexdigest()
    assert printed.count(key) == 1
    assert "group: team}" in printed


def test_every_key_is_another(capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys", "new", "--id", "a"])
    main(["keys", "new", "--id", "a"])
    keys = [line for line in capsys.readouterr().out.splitlines() if line.startswith("key:")]
    assert keys[0] != keys[1]
