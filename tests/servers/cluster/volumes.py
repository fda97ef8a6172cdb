"""A pod's volumes as the kubelet lays them out: files, holders and modes."""

import base64
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.cluster.addresses import on_its_own_address
from tests.servers.cluster.manifests import Document, ManifestError, Manifests
from tests.servers.mounted import mount

MODE = 0o644
TOKEN_SECONDS = 3600

Files = dict[str, bytes]
TokenFor = Callable[[str, str, int], str]
"""service account, audience, seconds → a token."""


@dataclass(frozen=True)
class Sources:
    """Where the contents come from.

    secrets: those that whoever operates the cluster provides. tokens: the API server's.
    rewritten: what becomes of a file of a ConfigMap before a pod gets it (substitutions).
    """

    manifests: Manifests
    secrets: Mapping[str, Mapping[str, bytes]] = field(repr=False)
    tokens: TokenFor
    rewritten: Callable[[str, str, bytes], bytes]
    cluster_ca: bytes

    def config_map(self, name: str, optional: bool = False) -> Files:
        """A ConfigMap's files. Raises ManifestError where there is none."""
        if name == "kube-root-ca.crt":
            return {"ca.crt": self.cluster_ca}
        try:
            found = self.manifests.named("ConfigMap", name)
        except ManifestError:
            if optional:
                return {}
            raise
        files = {key: text.encode() for key, text in found.get("data", {}).items()}
        files |= {k: base64.b64decode(v) for k, v in found.get("binaryData", {}).items()}
        return {key: self.rewritten(name, key, each) for key, each in files.items()}

    def secret(self, name: str, optional: bool = False) -> Files:
        """A Secret's files. Raises ManifestError for one that nobody provides."""
        if name in self.secrets:
            return dict(self.secrets[name])
        if optional:
            return {}
        raise ManifestError(f"nobody provides the Secret {name}")


@dataclass(frozen=True)
class Holder:
    """The pod that gets them. group: its fsGroup; user: the one user of all its containers."""

    group: int | None
    user: int | None
    service_account: str
    ip: str


def lay_out(
    volume: Document, directory: Path, claims: Path, sources: Sources, holder: Holder
) -> Path:
    """Make a volume below `directory` and return where it is. claims: what outlives the pod.

    Raises ManifestError.
    """
    if "persistentVolumeClaim" in volume:
        return _writable(claims / str(volume["persistentVolumeClaim"]["claimName"]), holder)
    where = directory / str(volume["name"])
    if "emptyDir" in volume:
        return _writable(where, holder)
    files, modes = _files(volume, sources, holder)
    directory.mkdir(parents=True, exist_ok=True)
    if any("/" in name for name in files):
        raise ManifestError(f"volume {volume['name']}: directories in it are not known here")
    for name, path in mount(where, **files).items():
        _own(path, modes[name], holder)
    for each in (where, (where / "..data").resolve()):
        each.chmod(0o755)
    return where


def remove(directory: Path) -> None:
    """Whatever a pod leaves behind."""
    shutil.rmtree(directory, ignore_errors=True)


def _writable(where: Path, holder: Holder) -> Path:
    where.mkdir(parents=True, exist_ok=True)
    if holder.group is not None:
        os.chown(where, -1, holder.group)
    where.chmod(0o2777 if holder.group is not None else 0o777)
    return where


def _own(path: Path, mode: int, holder: Holder) -> None:
    if holder.group is not None:
        os.chown(path, -1, holder.group)
        # The kubelet lets the group read whatever the holder may read.
        mode |= 0o040
    elif mode == 0o600 and holder.user is not None:
        os.chown(path, holder.user, -1)
    path.chmod(mode)


def _files(volume: Document, sources: Sources, holder: Holder) -> tuple[Files, dict[str, int]]:
    parts: Iterable[Document] = [volume]
    mode = MODE
    if "projected" in volume:
        parts = volume["projected"]["sources"]
        mode = volume["projected"].get("defaultMode", MODE)
    files: Files = {}
    modes: dict[str, int] = {}
    for part in parts:
        found = _part(part, sources, holder)
        files |= found
        own = _section(part).get("defaultMode", mode)
        modes |= dict.fromkeys(found, 0o600 if "serviceAccountToken" in part else own)
        modes |= {each["path"]: each["mode"] for each in _items(part) if "mode" in each}
    return files, modes


def _part(part: Document, sources: Sources, holder: Holder) -> Files:
    section = _section(part)
    if "configMap" in part:
        read = sources.config_map(section["name"], section.get("optional", False))
        found = {key: _on_its_own_address(each, holder.ip) for key, each in read.items()}
    elif "secret" in part:
        name = section.get("secretName") or section["name"]
        found = sources.secret(name, section.get("optional", False))
    elif "serviceAccountToken" in part:
        seconds = int(section.get("expirationSeconds", TOKEN_SECONDS))
        audience = section.get("audience", "https://kubernetes.default.svc.cluster.local")
        token = sources.tokens(holder.service_account, audience, seconds)
        return {section["path"]: token.encode()}
    else:
        raise ManifestError(f"a volume of a kind that is not known here: {sorted(part)}")
    return _selected(found, _items(part)) if _items(part) else found


def _on_its_own_address(content: bytes, ip: str) -> bytes:
    try:
        return on_its_own_address(content.decode(), ip).encode()
    except UnicodeDecodeError:
        return content


def _selected(files: Files, items: Iterable[Document]) -> Files:
    try:
        return {each["path"]: files[each["key"]] for each in items}
    except KeyError as missing:
        raise ManifestError(f"a volume asks for the key {missing}, which is not there") from None


def _section(part: Document) -> Mapping[str, Any]:
    for kind in ("configMap", "secret", "serviceAccountToken"):
        if kind in part:
            section: Mapping[str, Any] = part[kind]
            return section
    return {}


def _items(part: Document) -> list[Mapping[str, Any]]:
    return list(_section(part).get("items", ()))
