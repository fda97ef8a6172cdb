"""gateway.yaml as tests write it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings.document import Settings
from runtime.configuration import ConfigurationError, load

SHA = "ab" * 32
OTHER_SHA = "cd" * 32
TEAM = {"id": "team", "accounts": [{"id": "seat-1"}]}
CI_BOT = {"id": "ci-bot", "sha256": SHA, "group": "team"}


def write(directory: Path, **content: Any) -> Path:
    """The smallest document, with these sections instead."""
    file = directory / "gateway.yaml"
    file.write_text(
        yaml.safe_dump({"groups": [TEAM], "keys": [CI_BOT], **content}, sort_keys=False)
    )
    return file


def read(directory: Path, **content: Any) -> Settings:
    return load(Settings, write(directory, **content))


def problems(directory: Path, **content: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(directory, **content)
    return list(caught.value.problems)


def api_key(directory: Path, name: str = "api-key", text: str = "secret-of-azure") -> str:
    """A file that holds an API key."""
    file = directory / name
    file.write_text(text + "\n")
    return str(file)


def openai(directory: Path, **fields: Any) -> dict[str, Any]:
    """A group of the other platform, with one account."""
    account = {
        "id": "azure-1",
        "base_url": "https://azure.example/v1",
        "api_key_file": api_key(directory),
    }
    return {"id": "others", "platform": "openai", "accounts": [{**account, **fields}]}
