"""What `.venv` needs, and that an installation is never taken for a finished one before it is."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.servers.process import ROOT
from tools import venv
from tools.venv import ADD, BUILD, CURRENT, MARKER, REBUILD, SetupError

SCRIPT = ROOT / "tools" / "venv.py"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    for name in ("runtime.txt", "dev.txt"):
        (tmp_path / name).write_text(f"# {name}\nsample==1.0 \\\n    --hash=sha256:00\n")
    return tmp_path / "runtime.txt"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Something that looks like a usable virtual environment."""
    made = tmp_path / ".venv"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").symlink_to(sys.executable)
    (made / "pyvenv.cfg").write_text("home = /somewhere\nversion = 3.11.7\n")
    pip = made / "lib" / "python3.11" / "site-packages" / "pip"
    pip.mkdir(parents=True)
    (pip / "__main__.py").touch()
    return made


def stamp(environment: Path, lock: Path) -> None:
    venv.stamp(environment, lock.name).write_text(venv.digest(lock))


# --- the decision -----------------------------------------------------------------------------


def test_nothing_there_is_built(tmp_path: Path, lock: Path) -> None:
    assert venv.judge(tmp_path / ".venv", lock) == BUILD
    (tmp_path / ".venv").mkdir()
    assert venv.judge(tmp_path / ".venv", lock) == BUILD


def test_an_environment_of_somebodys_own_is_added_to_and_not_emptied(
    environment: Path, lock: Path
) -> None:
    assert venv.judge(environment, lock) == ADD


def test_what_is_installed_to_its_end_is_left_alone(environment: Path, lock: Path) -> None:
    stamp(environment, lock)
    assert venv.judge(environment, lock) == CURRENT
    os.utime(lock)  # a checkout that only touches the file
    assert venv.judge(environment, lock) == CURRENT


def test_the_dev_lock_goes_on_top_of_the_runtime_lock(environment: Path, lock: Path) -> None:
    stamp(environment, lock)
    assert venv.judge(environment, lock.with_name("dev.txt")) == ADD


def test_after_the_dev_lock_the_runtime_lock_has_nothing_to_do(
    environment: Path, lock: Path
) -> None:
    """`make run` after `make test` takes nothing away."""
    stamp(environment, lock.with_name("dev.txt"))
    stamp(environment, lock)
    assert venv.judge(environment, lock) == CURRENT


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_a_changed_lock_rebuilds(environment: Path, lock: Path, name: str) -> None:
    """What the old lock named and the new one does not must not stay importable."""
    wanted = lock.with_name(name)
    stamp(environment, wanted)
    wanted.write_text("other==2.0")
    assert venv.judge(environment, wanted) == REBUILD


def test_an_interrupted_installation_rebuilds_even_if_it_was_stamped(
    environment: Path, lock: Path
) -> None:
    stamp(environment, lock)
    (environment / MARKER).touch()
    assert venv.judge(environment, lock) == REBUILD


def test_an_environment_whose_python_is_gone_is_rebuilt(environment: Path, lock: Path) -> None:
    stamp(environment, lock)
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").symlink_to("/nowhere/python")
    assert venv.judge(environment, lock) == REBUILD


@pytest.mark.parametrize("about", ["version = 3.10.13", "version_info = 3.9.1", "", "home = x"])
def test_an_environment_of_an_older_python_is_rebuilt(
    environment: Path, lock: Path, about: str
) -> None:
    stamp(environment, lock)
    (environment / "pyvenv.cfg").write_text(about)
    assert venv.judge(environment, lock) == REBUILD


def test_an_environment_without_pip_is_rebuilt(environment: Path, lock: Path) -> None:
    shutil.rmtree(environment / "lib")
    assert venv.judge(environment, lock) == REBUILD


def test_a_directory_that_is_no_environment_is_not_emptied(tmp_path: Path) -> None:
    work = tmp_path / ".venv"
    work.mkdir()
    (work / "thesis.txt").touch()
    with pytest.raises(SetupError, match="is not a virtual environment: move it away"):
        venv.empty(work)
    assert (work / "thesis.txt").exists()


# --- what people are told ---------------------------------------------------------------------


def test_the_first_time_says_how_much_and_how_long(tmp_path: Path, lock: Path) -> None:
    said = venv.announcement(BUILD, tmp_path / ".venv", lock)
    assert said == "installing 1 packages into .venv (first time only; about half a minute) …"


@pytest.mark.parametrize("version", [(3, 10), (3, 8), (2, 7)])
def test_an_old_python_is_named_with_the_way_to_name_another(version: tuple[int, int]) -> None:
    with pytest.raises(SetupError) as caught:
        venv.check_interpreter(version, "/usr/bin/python3")
    assert str(caught.value) == (
        f"Python 3.11 or later is needed, /usr/bin/python3 is {version[0]}.{version[1]}. "
        "If a newer one is installed, name it: make PYTHON=python3.11 …"
    )


def test_the_script_can_be_read_by_an_old_python() -> None:
    """It has to run to say that it cannot: nothing newer than Python 3.7's grammar."""
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_a_python_without_ensurepip_names_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    major, minor = sys.version_info[:2]
    with pytest.raises(SetupError, match=f"apt install python{major}.{minor}-venv"):
        venv.create(tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()


# --- doing it -----------------------------------------------------------------------------------


def test_what_is_added_to_an_environment_is_marked_until_it_is_there(
    environment: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(command: list[str], complaint: str) -> None:
        assert "--require-hashes" in command
        raise SetupError(complaint)

    monkeypatch.setattr(venv, "run", refuse)
    with pytest.raises(SetupError, match="pip could not install"):
        venv.ensure(environment, lock)
    assert venv.judge(environment, lock) == REBUILD


# --- doing it, with a package made here and no index ------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose locks name one package, and a directory pip is configured to find it in."""
    root = tmp_path / "checkout"
    (root / "tools").mkdir(parents=True)
    (root / "requirements").mkdir()
    shutil.copy(SCRIPT, root / "tools")
    wheel = make_wheel(tmp_path / "wheels")
    write_locks(root, hashlib.sha256(wheel.read_bytes()).hexdigest())
    return root


def make_wheel(directory: Path) -> Path:
    directory.mkdir()
    wheel = directory / "sample-1.0-py3-none-any.whl"
    about = "sample-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("sample.py", "")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{about}/WHEEL", tags)
        archive.writestr(f"{about}/RECORD", "")
    return wheel


def write_locks(root: Path, digest: str) -> None:
    for name in ("runtime.txt", "dev.txt"):
        text = f"sample==1.0 \\\n    --hash=sha256:{digest}\n"
        (root / "requirements" / name).write_text(text)


def set_up(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as make does, with pip told by its own variables where packages are."""
    own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(root.parent / "wheels"), "PIP_USER": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [sys.executable, "tools/venv.py", "requirements/runtime.txt"],
        cwd=root,
        env=kept | own | {"PIP_CONFIG_FILE": os.devnull},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_an_installation_is_made_once_and_one_that_failed_is_made_over(checkout: Path) -> None:
    """One long story, because each environment takes seconds to make."""
    good = (checkout / "requirements" / "runtime.txt").read_text()
    write_locks(checkout, "0" * 64)
    failed = set_up(checkout)
    assert failed.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in failed.stderr
    assert "error: pip could not install requirements/runtime.txt" in failed.stderr
    assert (checkout / ".venv" / MARKER).exists()

    (checkout / "requirements" / "runtime.txt").write_text(good)
    (checkout / ".venv" / "remains").touch()
    first = set_up(checkout)
    assert first.returncode == 0, first.stderr
    assert "from the start: the last installation was interrupted" in first.stdout
    assert not (checkout / ".venv" / "remains").exists()
    command = [str(checkout / ".venv" / "bin" / "python"), "-c", "import sample"]
    subprocess.run(command, check=True)

    second = set_up(checkout)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
