"""What the shared store runs for the gateway: a script a file in lua/, whose head says its use."""

from pathlib import Path

LUA = Path(__file__).parent / "lua"


def script(name: str) -> str:
    """The text of a script."""
    return (LUA / f"{name}.lua").read_text()
