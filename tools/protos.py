"""Generates the code beside the .proto files, or says with `--check` that it has drifted.

Knows protoc's options and nothing of what the messages mean. The generator's version is the one
of the dev lock, so the same input gives the same bytes on every machine.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("protos/token_service/v1/token_service.proto",)
ENDINGS = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")
# Concrete servicer stubs: an RPC that is not implemented is answered UNIMPLEMENTED, which is gRPC's
# own way of saying so, and no type error.
OPTIONS = (
    "--python_out=",
    "--grpc_python_out=",
    "--mypy_out=quiet:",
    "--mypy_grpc_out=quiet,generate_concrete_servicer_stubs:",
)


def main(arguments: list[str]) -> int:
    """Generate into the checkout; with `--check` into a temporary directory, and compare."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m tools.protos [--check]", file=sys.stderr)
        return 2
    if not arguments:
        return generate(ROOT)
    with tempfile.TemporaryDirectory() as directory:
        failed = generate(Path(directory))
        drifted = [] if failed else differing(Path(directory), ROOT)
    for name in drifted:
        print(f"{name} is not what its .proto says: run `make protos`", file=sys.stderr)
    return 1 if failed or drifted else 0


def generate(target: Path) -> int:
    """Run protoc over every source; its exit code."""
    # protoc looks for its plug-ins (protoc-gen-mypy) on PATH; they lie beside the interpreter.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I."]
    command += [f"{option}{target}" for option in OPTIONS]
    environment = {**os.environ, "PATH": path}
    return subprocess.run([*command, *SOURCES], cwd=ROOT, env=environment, check=False).returncode


def differing(fresh: Path, committed: Path) -> list[str]:
    """The generated files that are missing from `committed` or differ there."""
    return [name for name in outputs() if read(fresh / name) != read(committed / name)]


def outputs() -> list[str]:
    """The files that are generated, relative to the root."""
    return [source.removesuffix(".proto") + ending for source in SOURCES for ending in ENDINGS]


def read(path: Path) -> bytes | None:
    """A file's content; None where there is none."""
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
