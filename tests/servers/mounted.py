"""Files as Kubernetes mounts them: links through one link, which is swapped."""

import os
from pathlib import Path


def mount(directory: Path, **files: bytes) -> dict[str, Path]:
    """Put files there as Kubernetes does: one link changes, and with it all of them at once."""
    directory.mkdir(exist_ok=True)
    version = directory / f"..{len(list(directory.glob('..[0-9]*')))}"
    version.mkdir()
    for name, content in files.items():
        (version / name).write_bytes(content)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(Path("..data") / name)
    fresh = directory / "..data-next"
    fresh.symlink_to(version.name)
    os.replace(fresh, directory / "..data")
    return {name: directory / name for name in files}


class MountedSecret:
    """A directory whose files are replaced all at once. Names have `_` for `.`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def swap(self, **files: bytes) -> None:
        """Replace all files."""
        mount(self._directory, **{name.replace("_", "."): files[name] for name in files})

    def path(self, name: str) -> Path:
        """Where a file is mounted."""
        return self._directory / name
