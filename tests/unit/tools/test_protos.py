"""Generated code is compared with what its .proto gives now."""

from pathlib import Path

from tools.protos import differing, outputs


def write(root: Path, **changes: str) -> Path:
    for name in outputs():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changes.get(path.suffix[1:], "as generated"))
    return root


def test_the_same_files_do_not_differ(tmp_path: Path) -> None:
    assert differing(write(tmp_path / "a"), write(tmp_path / "b")) == []


def test_a_changed_and_a_missing_file_are_named(tmp_path: Path) -> None:
    fresh, committed = write(tmp_path / "a"), write(tmp_path / "b", pyi="by hand")
    gone = outputs()[0]
    (committed / gone).unlink()
    changed = [name for name in outputs() if name.endswith(".pyi")]
    assert sorted(differing(fresh, committed)) == sorted([gone, *changed])
