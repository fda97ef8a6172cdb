"""The bill of materials has all of the lock, with hashes and dependencies, always the same."""

import json
from typing import Any

from tests.servers.process import ROOT
from tools.locks import RUNTIME, read_lock
from tools.sbom import PRODUCT, dependents, document

LOCK = (ROOT / RUNTIME).read_text()


def bill() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(document(LOCK, "1.2.3"))
    return read


def test_every_package_of_the_lock_is_in_it_with_its_hashes() -> None:
    components = {each["name"]: each for each in bill()["components"]}
    locked = read_lock(LOCK)
    assert components.keys() == locked.keys()
    aiohttp = components["aiohttp"]
    assert aiohttp["purl"] == f"pkg:pypi/aiohttp@{locked['aiohttp'].version}"
    hashes = aiohttp["externalReferences"][0]["hashes"]
    assert {f"sha256:{each['content']}" for each in hashes} == locked["aiohttp"].hashes


def test_the_product_needs_what_it_names_and_that_needs_more() -> None:
    read = bill()
    assert read["metadata"]["component"]["version"] == "1.2.3"
    needs = {each["ref"]: each.get("dependsOn", []) for each in read["dependencies"]}
    assert any(each.startswith("pkg:pypi/aiohttp@") for each in needs[PRODUCT])
    (aiohttp,) = [needs[each] for each in needs if each.startswith("pkg:pypi/aiohttp@")]
    assert any(each.startswith("pkg:pypi/yarl@") for each in aiohttp)
    # Nothing is in it that nothing needs.
    assert all(users for users in dependents(LOCK).values())


def test_the_same_lock_gives_the_same_document() -> None:
    assert document(LOCK, "1") == document(LOCK, "1")
    assert "timestamp" not in bill()["metadata"]
