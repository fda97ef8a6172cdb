"""Carries out deploy/Dockerfile without a container runtime: COPY and RUN, in a root of its own.

The base image is this machine: its /usr, and the interpreter of the tests where the image has
Python (/usr/local). What cannot be shown so: the base image itself, and the layers.
"""

import os
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from tests.servers.image.dockerfile import Instruction, Stage, read
from tests.servers.process import ROOT
from tools.locks import RUNTIME, read_lock

DOCKERFILE = ROOT / "deploy/Dockerfile"
# Of this machine, for reading: where pip may look for packages and how names are resolved.
SHOWN = ("/etc/ssl", "/etc/pip.conf", "/etc/xdg", "/etc/resolv.conf", "/etc/hosts", "/opt/pypi")
SHOWN_TOO = ("/opt/pypi-more", "/opt/wheels", "/etc/ld.so.cache", "/etc/nsswitch.conf")
PIP = " && python -m pip "
DEVICES = ("null", "zero", "random", "urandom")
RUN_SECONDS = 300


class Image:
    """What the last stage has become: a directory, and how a container of it is run."""

    def __init__(self, root: Path, stage: Stage) -> None:
        self.root = root
        self.stage = stage


def build(directory: Path, with_pip: bool) -> Image:
    """Carry out every stage. with_pip: as it is written, from the package index; else what pip
    would install is taken from this environment, the lock's packages alone."""
    stages, roots = read(DOCKERFILE), dict[str, Path]()
    root = directory
    for number, stage in enumerate(stages):
        root = directory / (stage.name or str(number))
        roots[stage.name] = root
        _lay_out(root)
        environment: dict[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        for each in stage.instructions:
            _carry_out(each, root, roots, environment, with_pip)
    return Image(root, stages[-1])


def script(root: Path, read_only: bool) -> list[str]:
    """The lines that make a root of this directory, in a mount namespace of their own."""
    lines = ["mount --make-rprivate /", f"mount --bind {root} {root}"]
    lines += [f"mount -o bind,ro {source} {root}{path}" for source, path in _base()]
    lines += [f"mount --bind /dev/{each} {root}/dev/{each}" for each in DEVICES]
    lines.append(f"mount -t proc -o nosuid,nodev,noexec proc {root}/proc")
    lines.append(f"mount -t tmpfs -o mode=1777,size=64m tmpfs {root}/dev/shm")
    if read_only:
        lines.append(f"mount -o remount,bind,ro {root}")
    return lines


def _base() -> list[tuple[str, str]]:
    """What is shown of this machine, and where."""
    shown = [each for each in (*SHOWN, *SHOWN_TOO) if Path(each).exists()]
    system = ["/usr", *(each for each in ("/bin", "/lib", "/lib64", "/sbin") if _is_own(each))]
    python = str(Path(sys.base_prefix).resolve())
    # At its own place too, where its library is looked for.
    return [*((each, each) for each in (*system, *shown, python)), (python, "/usr/local")]


def _is_own(name: str) -> bool:
    return Path(name).is_dir() and not Path(name).is_symlink()


def _lay_out(root: Path) -> None:
    for _, path in _base():
        where = Path(f"{root}{path}")
        if Path(path).is_file():
            where.parent.mkdir(parents=True, exist_ok=True)
            where.touch()
        else:
            where.mkdir(parents=True, exist_ok=True)
    for name in ("proc", "dev/shm", "var/lib", "opt", "tmp", "run"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in DEVICES:
        (root / "dev" / name).touch()
    for name in ("bin", "lib", "lib64", "sbin"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(os.readlink(f"/{name}"))


def _carry_out(
    each: Instruction,
    root: Path,
    roots: dict[str, Path],
    environment: dict[str, str],
    with_pip: bool,
) -> None:
    if each.word == "ENV":
        environment |= dict(pair.split("=", 1) for pair in shlex.split(each.rest))
    elif each.word == "COPY":
        _copy(each.rest, root, roots)
    elif each.word == "RUN" and not with_pip and PIP in each.rest:
        _run(root, each.rest.partition(PIP)[0], environment)
        _install_from_here(root / "opt/venv")
    elif each.word == "RUN":
        _run(root, each.rest, environment)


def _copy(rest: str, root: Path, roots: dict[str, Path]) -> None:
    *options, source, target = rest.split()
    where = Path(f"{root}{target}")
    where.parent.mkdir(parents=True, exist_ok=True)
    if options:
        (name,) = options
        shutil.copytree(f"{roots[name.removeprefix('--from=')]}{source}", where, symlinks=True)
    elif (ROOT / source).is_dir():
        left_out = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(ROOT / source, where, ignore=left_out)
    else:
        shutil.copy(ROOT / source, where)


def _run(root: Path, command: str, environment: dict[str, str]) -> None:
    """One RUN, as root, with this machine's own settings for pip and proxies."""
    steering = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or "proxy" in k.lower()}
    variables = [f"{name}={value}" for name, value in {**steering, **environment}.items()]
    inner = ["chroot", str(root), "env", "-i", *variables, "sh", "-euc", command]
    lines = [*script(root, read_only=False), f"exec {shlex.join(inner)}"]
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-euc", "\n".join(lines)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=RUN_SECONDS,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"RUN {command}\n{done.stdout}"


def _install_from_here(venv: Path) -> None:
    """The packages of the runtime lock and no other, as they lie in this environment."""
    (target,) = venv.glob("lib/python*/site-packages")
    for name in read_lock((ROOT / RUNTIME).read_text(encoding="utf-8")):
        try:
            package = distribution(name)
        except ModuleNotFoundError:
            continue  # of another platform
        for each in package.files or ():
            if ".." not in each.parts:
                source, where = Path(str(package.locate_file(each))), target / str(each)
                where.parent.mkdir(parents=True, exist_ok=True)
                _link(source, where)


def _link(source: Path, where: Path) -> None:
    if not source.exists() or where.exists():
        return
    try:
        os.link(source, where)
    except OSError:
        shutil.copy(source, where)
