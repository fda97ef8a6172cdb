"""The section `store`: what a shared store needs."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.configuration import ConfigurationError, load
from token_service.settings.document import Settings
from token_service.settings.store import Store, read_keys

KEY = base64.b64encode(b"k" * 32).decode()


def read(directory: Path, store: dict[str, Any], **content: Any) -> Store:
    file = directory / "c.yaml"
    accounts = [{"id": "a", "github_token": "ghu_a"}]
    file.write_text(yaml.safe_dump({"accounts": accounts, "store": store, **content}))
    return load(Settings, file).store


def problem(directory: Path, store: dict[str, Any], **content: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read(directory, store, **content)
    (text,) = raised.value.problems
    return text


def key_file(directory: Path, text: str = KEY + "\n") -> str:
    file = directory / "keys"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize(
    "url",
    [
        "valkey://host",
        "valkeys://user@host:6380/3",
        "redis://10.0.0.1:6379/0",
        "rediss://[::1]:6379",
    ],
)
def test_a_shared_store_with_a_key(tmp_path: Path, url: str) -> None:
    store = read(tmp_path, {"url": url, "encryption_key_file": key_file(tmp_path)})

    assert store.is_shared
    assert store.namespace == "copilot-gateway"


def test_memory_needs_nothing(tmp_path: Path) -> None:
    assert not read(tmp_path, {}).is_shared
    assert not read(tmp_path, {"lock_ttl_seconds": 1}).is_shared


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://host", "must be memory://"),
        ("valkey://", "must be memory://"),
        ("memory://x", "must be memory://"),
        ("valkey://u:secret@host", "store.password_file"),
        ("valkey://host/x", "database's number"),
        ("valkey://host/0?a=b", "database's number"),
        ("valkey://host:port", "must be a URL"),
    ],
)
def test_urls_are_judged_and_never_quoted(tmp_path: Path, url: str, text: str) -> None:
    found = problem(tmp_path, {"url": url, "allow_plaintext": True})

    assert found.startswith("store.url: ")
    assert text in found
    assert "secret" not in found


def test_a_shared_store_needs_a_key_or_leave_to_have_none(tmp_path: Path) -> None:
    assert "store.encryption_key_file: required" in problem(tmp_path, {"url": "valkey://h"})
    assert read(tmp_path, {"url": "valkey://h", "allow_plaintext": True}).is_shared


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "between 1 and 16"),
        ("\n".join([KEY] * 17), "between 1 and 16"),
        (KEY + "\nsecret!", "line 2 is not the base64 of 32 bytes"),
        (base64.b64encode(b"secret").decode(), "line 1 is not the base64 of 32 bytes"),
    ],
)
def test_keys_are_judged_and_never_quoted(tmp_path: Path, text: str, words: str) -> None:
    path = key_file(tmp_path, text)
    found = problem(tmp_path, {"url": "valkey://h", "encryption_key_file": path})

    assert words in found
    assert "secret" not in found
    assert text.strip() not in found or not text


def test_the_first_key_seals_and_all_are_read(tmp_path: Path) -> None:
    other = base64.b64encode(b"o" * 32).decode()

    assert read_keys(Path(key_file(tmp_path, f"{KEY}\n{other}\n"))) == (b"k" * 32, b"o" * 32)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")

    assert "no such file" in problem(tmp_path, {"encryption_key_file": missing})
    assert "no such file" in problem(tmp_path, {"password_file": missing})


@pytest.mark.parametrize("namespace", ["", "a b", "{x}", "x" * 65])
def test_a_namespace_is_a_plain_word(tmp_path: Path, namespace: str) -> None:
    assert problem(tmp_path, {"namespace": namespace}).startswith("store.namespace: ")


def test_the_lock_outlasts_an_exchange(tmp_path: Path) -> None:
    """Otherwise a second replica begins one before the first has ended (peers.md §2)."""
    shared = {"url": "valkey://h", "allow_plaintext": True}
    words = "github.timeout_seconds: must be shorter than store.lock_ttl_seconds"

    assert problem(tmp_path, {**shared, "lock_ttl_seconds": 10}).startswith(words)
    assert problem(tmp_path, shared, github={"timeout_seconds": 15}).startswith(words)
    assert read(tmp_path, {**shared, "lock_ttl_seconds": 10.5}).lock_ttl_seconds == 10.5
