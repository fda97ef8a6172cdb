"""Builds `copilot-token-client`, the wheel with which other teams talk to the token broker.

Gathers what belongs in it in a temporary directory, so that the build sees nothing else and
leaves nothing in the checkout but the wheel. Asks no package index: setuptools is the dev lock's.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("token_client", "protos/token_service/v1")
MODULES = ("*.py", "*.pyi", "*.proto", "py.typed")
# Beside the packages: what describes them.
DESCRIPTIONS = ("token_client/pyproject.toml", "token_client/README.md", "LICENSE")
BUILD = ("-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")


def main(arguments: list[str]) -> int:
    """Build into the named directory, `dist` if none; print what was built."""
    if len(arguments) > 1 or arguments[:1] == ["--help"]:
        print("usage: python -m tools.client_wheel [DIRECTORY]", file=sys.stderr)
        return 2
    target = Path(arguments[0] if arguments else ROOT / "dist").resolve()
    with tempfile.TemporaryDirectory() as directory:
        gather(Path(directory))
        command = [sys.executable, *BUILD, "--wheel-dir", str(target), directory]
        code = subprocess.run(command, check=False).returncode
    if code == 0:
        for wheel in sorted(target.glob("copilot_token_client-*.whl")):
            print(wheel)
    return code


def gather(directory: Path) -> None:
    """Put the project of the wheel into an empty directory."""
    for package in PACKAGES:
        (directory / package).mkdir(parents=True)
        for pattern in MODULES:
            for source in (ROOT / package).glob(pattern):
                shutil.copyfile(source, directory / package / source.name)
    for name in DESCRIPTIONS:
        shutil.copyfile(ROOT / name, directory / Path(name).name)
    (directory / "VERSION").write_text(version())


def version() -> str:
    """The product's version. Read as text: tools import no package."""
    found = re.search(r'^VERSION = "(.+)"$', (ROOT / "runtime/version.py").read_text(), re.M)
    if found is None:
        raise SystemExit('runtime/version.py: no line VERSION = "…"')
    return found[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
