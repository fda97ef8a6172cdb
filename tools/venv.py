"""Makes `.venv` hold exactly what a lock names: `python3 tools/venv.py requirements/runtime.txt`.

Runs under the system's Python with the standard library only, before anything is installed, so
its syntax stays one that Python 3.7 can read: an old interpreter gets a sentence, not a traceback.
It decides what is needed from files alone; it knows nothing of what the packages are for, and
leaves where they come from to the user's own pip configuration.

A stamp in `.venv` holds the digest of the lock that was installed and is written last. A marker
stands there from before the first file until after the last, so that an installation that was
interrupted is never taken for a finished one.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REQUIRED = (3, 11)
MARKER = ".installing"
# A lock that contains another: what installs the first has installed the second.
CONTAINS = {"dev.txt": ("runtime.txt",)}

CURRENT = "current"
ADD = "add"
BUILD = "build"
REBUILD = "rebuild"


class SetupError(Exception):
    """Why `.venv` cannot be made and what to do about it, for the person at the terminal."""


def main(arguments: list[str]) -> int:
    """Bring `.venv` beside this directory up to the one lock named; the exit code."""
    root = Path(__file__).resolve().parent.parent
    try:
        check_interpreter(sys.version_info[:2], sys.executable)
        if len(arguments) != 1:
            raise SetupError("usage: python3 tools/venv.py requirements/runtime.txt")
        with one_at_a_time(root):
            ensure(root / ".venv", Path(arguments[0]))
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the next run starts the installation over", file=sys.stderr)
        return 1
    return 0


def check_interpreter(version: tuple[int, ...], executable: str) -> None:
    """Raise SetupError for a Python older than the project needs."""
    if version < REQUIRED:
        needed, found = (".".join(map(str, each[:2])) for each in (REQUIRED, version))
        raise SetupError(
            f"Python {needed} or later is needed, {executable} is {found}. "
            f"If a newer one is installed, name it: make PYTHON=python{needed} …"
        )


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Let a second `make` in the same checkout wait for the first one's installation."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def ensure(venv: Path, lock: Path) -> None:
    """Install `lock` into `venv` unless that has been done. Raises SetupError."""
    step = judge(venv, lock)
    if step == CURRENT:
        return
    print(announcement(step, venv, lock), flush=True)
    if step != ADD:
        create(venv)
    (venv / MARKER).touch()
    install(venv, lock)
    for name in (lock.name, *CONTAINS.get(lock.name, ())):
        stamp(venv, name).write_text(digest(lock.with_name(name)))
    (venv / MARKER).unlink()


# --- what is needed -----------------------------------------------------------------------------


def judge(venv: Path, lock: Path) -> str:
    """CURRENT, ADD to what is there, BUILD the first time, or REBUILD from nothing.

    A virtual environment without our stamps is somebody's own: it is added to, not emptied.
    """
    if not venv.is_dir() or not any(venv.iterdir()):
        return BUILD
    if (venv / MARKER).exists() or not is_usable(venv):
        return REBUILD
    if is_stamped(venv, lock):
        return CURRENT
    stale = [each for each in stamps(venv) if not is_stamped(venv, lock.with_name(each))]
    return REBUILD if stale else ADD


def announcement(step: str, venv: Path, lock: Path) -> str:
    """One line that says what is about to take a while, and why."""
    what = f"installing {count_packages(lock)} packages into {venv.name}"
    if step == BUILD:
        return what + " (first time only; about half a minute) …"
    if step == ADD:
        return what + " (once) …"
    if (venv / MARKER).exists():
        return what + " from the start: the last installation was interrupted …"
    if not is_usable(venv):
        return what + " from the start: its Python is missing or too old …"
    return what + " again: the requirements have changed …"


def count_packages(lock: Path) -> int:
    """How many packages a lock names."""
    return len(re.findall(r"^[A-Za-z0-9][\w.-]*==", lock.read_text(encoding="utf-8"), re.MULTILINE))


def is_usable(venv: Path) -> bool:
    """Whether its Python is there (a removed system Python leaves a dead link), new, with a pip."""
    try:
        about = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    version = re.search(r"^version(?:_info)? *= *(\d+)\.(\d+)", about, re.MULTILINE)
    if version is None or tuple(map(int, version.groups())) < REQUIRED:
        return False
    has_pip = any(venv.glob("lib/python*/site-packages/pip/__main__.py"))
    return has_pip and os.access(python(venv), os.X_OK)


def is_stamped(venv: Path, lock: Path) -> bool:
    """Whether exactly this lock was installed to its end."""
    mark = stamp(venv, lock.name)
    return lock.is_file() and mark.is_file() and mark.read_text() == digest(lock)


def stamps(venv: Path) -> list[str]:
    """The names of the locks that were installed, whatever became of them since."""
    return [path.name[len(".installed-") :] for path in venv.glob(".installed-*")]


def stamp(venv: Path, name: str) -> Path:
    """The file that says which edition of the lock `name` is installed."""
    return venv / (".installed-" + name)


def digest(lock: Path) -> str:
    """The lock's identity: its content, so that a checkout that only touches it costs nothing."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def python(venv: Path) -> Path:
    """The environment's interpreter."""
    return venv / "bin" / "python"


# --- doing it -----------------------------------------------------------------------------------


def create(venv: Path) -> None:
    """Make an empty environment that carries the marker from its first moment."""
    if importlib.util.find_spec("ensurepip") is None:
        major, minor = sys.version_info[:2]
        raise SetupError(
            f"{sys.executable} cannot make virtual environments: its ensurepip is not installed "
            f"(on Debian and Ubuntu: apt install python{major}.{minor}-venv)"
        )
    empty(venv)
    venv.mkdir(exist_ok=True)
    (venv / MARKER).touch()
    # From inside an activated .venv this very interpreter is about to be replaced.
    interpreter = getattr(sys, "_base_executable", None) or sys.executable
    run([interpreter, "-m", "venv", str(venv)], f"{interpreter} -m venv failed")


def empty(venv: Path) -> None:
    """Remove what is in `venv`; the directory stays, it may be a mount or a link."""
    if not venv.exists():
        return
    ours = (venv / MARKER).exists() or (venv / "pyvenv.cfg").exists()
    if any(venv.iterdir()) and not ours:
        raise SetupError(f"{venv} is not a virtual environment: move it away")
    for path in sorted(venv.iterdir(), key=lambda path: path.name == MARKER):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def install(venv: Path, lock: Path) -> None:
    """Let the environment's pip install the lock, every file checked against its hash."""
    options = ["--require-hashes", "--disable-pip-version-check", "--no-input"]
    run(
        [str(python(venv)), "-m", "pip", "install", *options, "--requirement", str(lock)],
        f"pip could not install {lock} (its words are above). If it could not reach its package "
        f"index, `{python(venv)} -m pip config list` shows which; then run the same command again",
    )


def run(command: list[str], complaint: str) -> None:
    """Run a command silently; on failure show all it said and raise SetupError."""
    # A user-wide `user = true` in pip's configuration would make pip refuse to work in .venv.
    environment = dict(os.environ, PIP_USER="0")
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        raise SetupError(complaint)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
