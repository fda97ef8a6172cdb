"""What a container runtime does with a process of this machine: a root of its own, and few rights.

The root is a tmpfs with the system's programs, this project and the interpreter it runs on, all
read-only, and the pod's volumes at their mount paths. The process is PID 1 of a PID namespace and
has the user, groups and capabilities that the manifest says. Not done: seccomp profiles, limits of
memory and CPU, a network namespace (addresses are those of loopback).
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import ROOT

TOOLS = ("unshare", "setpriv", "mount", "chroot", "nsenter")
DEVICES = ("null", "zero", "full", "random", "urandom")
# Where the programs of other images lie.
PROGRAMS = "/opt/programs"


@dataclass(frozen=True)
class Mount:
    """A directory or file of this machine, and where the container finds it."""

    source: Path
    path: str
    read_only: bool


@dataclass(frozen=True)
class Rights:
    """Who the process is and what it may do."""

    user: int = 0
    group: int = 0
    groups: tuple[int, ...] = ()
    read_only_root: bool = False
    no_capabilities: bool = False
    no_new_privileges: bool = False


def why_not() -> str:
    """Why containers cannot be made here; empty where they can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)} (util-linux, coreutils)"
    if os.geteuid() != 0:
        return "needs root: mount namespaces, port 53 on loopback, the users of the manifests"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "true"],
        capture_output=True,
        timeout=10,
        check=False,
    )
    return "" if tried.returncode == 0 else "needs the right to make mount and PID namespaces"


def contained(
    root: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    mounts: Sequence[Mount],
    rights: Rights,
    hostname: str,
    programs: Mapping[str, Path],
) -> list[str]:
    """The command that runs `command` so. root: an empty directory to build on.

    programs: further programs of its PATH. The container ends with whoever started it.
    """
    script = "\n".join(_building(root, mounts, rights, hostname, programs))
    inner = ["chroot", str(root), *_becoming(rights), "env", "-i", "-C", str(ROOT)]
    inner += [f"{name}={value}" for name, value in environment.items()]
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--pid", "--uts", "--ipc", "--kill-child=SIGKILL"),
        *("sh", "-euc", f"{script}\nexec {shlex.join([*inner, *command])}"),
    ]


def inside(pid: int, command: Sequence[str], rights: Rights) -> list[str]:
    """The command that runs another one in the container of this process."""
    entered = ["nsenter", f"--target={pid}", "--mount", "--pid", "--uts", "--ipc", "--root"]
    return [*entered, *_becoming(rights), "env", "-C", str(ROOT), *command]


def _becoming(rights: Rights) -> Iterator[str]:
    yield from ("/usr/bin/setpriv", f"--reuid={rights.user}", f"--regid={rights.group}")
    groups = ",".join(str(each) for each in rights.groups)
    yield f"--groups={groups}" if groups else "--clear-groups"
    if rights.no_capabilities:
        yield from ("--bounding-set=-all", "--inh-caps=-all")
    if rights.no_new_privileges:
        yield "--no-new-privs"
    # Another user is no longer told of its parent's death, unless it asks again.
    yield "--pdeathsig=KILL"


def _building(
    root: Path,
    mounts: Sequence[Mount],
    rights: Rights,
    hostname: str,
    programs: Mapping[str, Path],
) -> Iterator[str]:
    """The lines of the script that builds the root, in a mount namespace of its own."""
    yield "mount --make-rprivate /"
    yield f"mount -t tmpfs -o mode=755,size=16m tmpfs {root}"
    yield f"echo {hostname} > /proc/sys/kernel/hostname"
    yield from _system(root)
    for mount in sorted(mounts, key=lambda each: len(Path(each.path).parts)):
        yield _bind(root, mount.source, Path(mount.path), mount.read_only)
    # Last, so that no volume hides them.
    for own in {ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}:
        yield _bind(root, own, own, True)
    yield f"mkdir -p {root}{PROGRAMS}"
    for name, program in programs.items():
        yield f"ln -s {program} {root}{PROGRAMS}/{name}"
    if rights.read_only_root:
        yield f"mount -o remount,ro {root}"


def _system(root: Path) -> Iterator[str]:
    yield f"mkdir -p {root}/proc {root}/dev {root}/etc {root}/tmp {root}/var/run {root}/sys"
    yield f"chmod 1777 {root}/tmp"
    yield _bind(root, Path("/usr"), Path("/usr"), True)
    for name in ("bin", "lib", "lib64", "sbin"):
        there = Path("/", name)
        if there.is_symlink():
            yield f"ln -s {os.readlink(there)} {root}/{name}"
        elif there.exists():
            yield _bind(root, there, there, True)
    for name in ("ssl", "ld.so.cache", "nsswitch.conf"):
        there = Path("/etc", name)
        if there.exists():
            yield _bind(root, there, there, True)
    yield f"mount -t proc -o nosuid,nodev,noexec proc {root}/proc"
    for device in DEVICES:
        yield f"touch {root}/dev/{device}; mount --bind /dev/{device} {root}/dev/{device}"
    yield f"mkdir {root}/dev/shm; mount -t tmpfs -o mode=1777,size=64m tmpfs {root}/dev/shm"


def _bind(root: Path, source: Path, path: Path, read_only: bool) -> str:
    target = shlex.quote(f"{root}{path}")
    make = f"mkdir -p {target}"
    if not source.is_dir():
        make = f"mkdir -p {shlex.quote(f'{root}{path.parent}')}; touch {target}"
    return (
        f"{make}; mount -o {'bind,ro' if read_only else 'bind'} {shlex.quote(str(source))} {target}"
    )
