"""`make` lists the commands, and the list is whole."""

import re
import shutil
import subprocess

import pytest

from tests.servers.process import ROOT, clean_environment

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
# Parts of lint and set-up, which nobody has to know by name.
INNER = {
    "style",
    "types",
    "imports",
    "protos-check",
    "dashboards-check",
    "hadolint",
    "lock-check",
    "venv",
    "venv-dev",
}


def listed() -> set[str]:
    done = subprocess.run(
        ["make"], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    )
    return set(re.findall(r"^  make (\S+) +\S", done.stdout, re.MULTILINE))


def test_every_target_is_listed_with_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    assert listed() == targets - INNER
    assert {"run", "test", "lint", "fmt", "protos", "lock", "ci-tools", "clean"} <= listed()


def test_recipes_are_one_or_two_lines() -> None:
    """Anything longer is a script in tools/, where it is linted and tested."""
    makefile = (ROOT / "Makefile").read_text()
    recipes = re.findall(r"(?:^\t.*\n)+", makefile, re.MULTILINE)
    assert all(recipe.count("\n") <= 2 for recipe in recipes)
    assert len(recipes) > 10
