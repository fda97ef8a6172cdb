"""`make sbom`: what the image's Python environment is made of, as CycloneDX in dist/.

From the runtime lock alone: versions and hashes of its packages, and from its comments what needs
what. The same lock gives the same bytes. What the base image adds, a scanner of images says.
"""

import re
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from tools.locks import RUNTIME, Locked, read_lock

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = "copilot-gateway"
VIA = re.compile(r"^    # +(?:via +)?([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?: \(pyproject\.toml\))?$")


def main() -> int:
    """Write it; the exit code."""
    lock = (ROOT / RUNTIME).read_text(encoding="utf-8")
    text = (ROOT / "runtime/version.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^VERSION = "(.+)"$', text, re.MULTILINE)
    path = ROOT / "dist" / f"{PRODUCT}-{version}.cdx.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(document(lock, version), encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(read_lock(lock))} packages")
    return 0


def document(lock: str, version: str) -> str:
    """The CycloneDX document of a lock."""
    product = Component(
        name=PRODUCT, version=version, type=ComponentType.APPLICATION, bom_ref=PRODUCT
    )
    packages = {name: _component(name, locked) for name, locked in read_lock(lock).items()}
    bom = Bom(
        components=packages.values(),
        metadata=BomMetaData(component=product),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCT} {version} {lock}"),
    )
    # It would be the time of the run, and no two documents of a lock the same; the library's own
    # commands leave it out in this way.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    known = {PRODUCT: product, **packages}
    for name, users in dependents(lock).items():
        for user in users & known.keys():
            bom.register_dependency(known[user], [packages[name]])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def dependents(lock: str) -> Mapping[str, set[str]]:
    """Each package of a lock, with those that need it: what the lock's comments say."""
    found: dict[str, set[str]] = {}
    name = ""
    for line in lock.splitlines():
        if match := re.match(r"([A-Za-z0-9][\w.-]*)==", line):
            name = canonicalize_name(match[1])
            found[name] = set()
        elif (match := VIA.match(line)) and match[1] != "via":
            found[name].add(canonicalize_name(match[1]))
    return found


def _component(name: str, locked: Locked) -> Component:
    purl = PackageURL(type="pypi", name=name, version=locked.version)
    # Several: one of these files was installed, which one depends on the platform.
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{name}/{locked.version}/#files"),
        hashes=[
            HashType(alg=HashAlgorithm.SHA_256, content=each.removeprefix("sha256:"))
            for each in sorted(locked.hashes)
        ],
    )
    return Component(
        name=name,
        version=locked.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        external_references=[files],
    )


if __name__ == "__main__":
    sys.exit(main())
