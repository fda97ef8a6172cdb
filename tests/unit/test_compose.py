"""deploy/compose.yaml: restricted containers, secrets by file, configurations that are accepted."""

import base64
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.version import VERSION
from tests.servers.process import ROOT, clean_environment
from tools.k8s.rules import bounds

DIRECTORY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DIRECTORY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"gateway": "gateway", "token-service": "token_service"}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_restricted_bounded_and_looked_after(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"healthcheck", "mem_limit", "restart"} <= service.keys()
    assert not re.search(r"(:latest$|^[^:]+$)", service["image"])
    assert "simulator" not in str(service)


def test_only_the_callers_port_is_published_and_on_loopback() -> None:
    published = {name: each.get("ports") for name, each in SERVICES.items() if "ports" in each}
    assert published == {"gateway": ["127.0.0.1:8080:8080"]}
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_secrets_are_files_each_declared_and_used() -> None:
    used = {secret for each in SERVICES.values() for secret in each.get("secrets", ())}
    assert used == COMPOSE["secrets"].keys()
    page = (ROOT / "docs/kubernetes.md").read_text()
    assert [name for name in sorted(used) if name not in page] == []
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/deploy/compose/secrets/" in ignored
    for each in SERVICES.values():
        variables = each.get("environment", {}).items()
        assert all(key.endswith("_FILE") for key, _ in variables if "PASSWORD" in key)


def test_what_is_mounted_is_in_this_repository() -> None:
    for each in SERVICES.values():
        for volume in each.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DIRECTORY / source).exists() or source in COMPOSE["volumes"], source


@pytest.mark.parametrize("name", OURS)
def test_the_image_is_this_version_of_the_dockerfile(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == f"copilot-gateway:{VERSION}"
    assert (DIRECTORY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert service["command"][:3] == ["python", "-m", OURS[name]]


def test_streams_end_before_the_gateway_is_killed() -> None:
    drain = yaml.safe_load((DIRECTORY / "compose/gateway/gateway.yaml").read_text())["drain"]
    rest = bounds.LAST_WORDS_SECONDS + bounds.LAST_SHIPMENT_SECONDS + bounds.MARGIN_SECONDS
    total = drain["grace_seconds"] + drain["stream_seconds"] + rest
    assert total <= seconds(SERVICES["gateway"]["stop_grace_period"])


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_a_service_accepts_its_configuration(tmp_path: Path, name: str) -> None:
    for secret in COMPOSE["secrets"]:
        key = base64.b64encode(bytes(32)).decode()
        (tmp_path / secret).write_text("ghu_one" if secret == "seat-1" else key)
    text = (DIRECTORY / f"compose/{name}/{name}.yaml").read_text()
    path = tmp_path / "configuration.yaml"
    path.write_text(text.replace("/run/secrets", str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-m", OURS[name], "--config", str(path), "--check"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
