"""Gateways as processes in front of one broker, with keys and groups.

The gateways' whole configuration is a dictionary that a test may change: see `document`.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.process import ServiceProcess
from tests.servers.quiet_ports import quiet_ports
from tests.servers.replica import ReplicaProcess, Replicas

GROUP = "team"


class Sample(NamedTuple):
    """One line of a scrape."""

    name: str
    labels: Mapping[str, str]
    value: float


class GatewayReplica(ReplicaProcess):
    """One process of the gateway."""

    def __init__(self, directory: Path, document: Mapping[str, Any]) -> None:
        self.port, ops = quiet_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self._listen = {"port": self.port, "ops_port": ops}
        # One ledger for all of a fleet is a test's to ask for; each has a journal of its own.
        self._usage = {
            "database_url": f"sqlite:///{directory}/usage-{self.port}.db",
            "journal_dir": f"{directory}/journal-{self.port}",
        }
        super().__init__(
            "gateway",
            directory / f"gateway-{self.port}.yaml",
            self._own(document),
            f"http://127.0.0.1:{ops}",
        )

    def reconfigure(self, document: Mapping[str, Any]) -> None:
        """Give it another configuration while it runs; its ports stay."""
        self.configure(self._own(document))

    def samples(self) -> list[Sample]:
        """What a scrape sees: names, labels, values."""
        families = text_string_to_metric_families(self.metrics())
        return [Sample(*each[:3]) for family in families for each in family.samples]

    def states(self) -> dict[str, str]:
        """Each account's state, by what the metric says."""
        return {
            labels["account"]: labels["state"]
            for name, labels, value in self.samples()
            if name == "gateway_account_state" and value == 1
        }

    def _own(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **document,
            "listen": {**document.get("listen", {}), **self._listen},
            "usage": {**self._usage, **document.get("usage", {})},
        }


class Broker:
    """token_service as a process that knows these accounts; started and stopped with the block.

    seats: account id → GitHub credential. hosts: the API hosts their tokens may be sent to.
    settings: further sections of token-service.yaml.
    """

    def __init__(
        self,
        directory: Path,
        upstream_url: str,
        seats: Mapping[str, str],
        *,
        hosts: Sequence[str] = ("127.0.0.1",),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.seats = dict(seats)
        rpc, ops = quiet_ports(2)
        self.target = f"127.0.0.1:{rpc}"
        self.ops = f"127.0.0.1:{ops}"
        file = directory / "token-service.yaml"
        document = {
            "listen": {"grpc": self.target, "ops": f"127.0.0.1:{ops}"},
            "github": {"api_url": upstream_url, "web_url": upstream_url},
            "accounts": [self._account(directory, seat, hosts) for seat in self.seats],
            "log": {"level": "debug"},
            **(settings or {}),
        }
        file.write_text(yaml.safe_dump(document))
        self.process = ServiceProcess(
            ["token_service", "--config", str(file)], f"http://{self.ops}/readyz"
        )

    def metrics(self) -> str:
        """What a scrape sees."""
        return httpx.get(f"http://{self.ops}/metrics", trust_env=False).text

    def _account(self, directory: Path, seat: str, hosts: Sequence[str]) -> dict[str, Any]:
        file = directory / f"credential-{seat}"
        file.write_text(self.seats[seat] + "\n")
        return {"id": seat, "github_token_file": str(file), "allowed_hosts": list(hosts)}

    def __enter__(self) -> Self:
        self.process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.__exit__(kind, error, trace)


class GatewayFleet(Replicas[GatewayReplica]):
    """Some gateways in front of a broker that runs; started and stopped with the block.

    groups: as in gateway.yaml; without them one group `team` of all the broker's accounts.
    keys: how many keys the group `team` has, or the keys' entries without their digests.
    settings: further sections of gateway.yaml.
    """

    def __init__(
        self,
        directory: Path,
        broker: Broker,
        *,
        groups: Sequence[Mapping[str, Any]] | None = None,
        keys: int | Sequence[Mapping[str, Any]] = 1,
        replicas: int = 1,
        store_url: str = "memory://",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        entries = (
            [{"id": f"key-{number}"} for number in range(keys)] if isinstance(keys, int) else keys
        )
        self.keys = {entry["id"]: "cgw-test-" + secrets.token_urlsafe(24) for entry in entries}
        everyone = {"id": GROUP, "accounts": [{"id": seat} for seat in broker.seats]}
        self.document: dict[str, Any] = {
            "token_service": {"target": broker.target},
            "store": {"url": store_url},
            "groups": [dict(group) for group in groups or [everyone]],
            "keys": [
                {
                    "group": GROUP,
                    **entry,
                    "sha256": hashlib.sha256(self.keys[entry["id"]].encode()).hexdigest(),
                }
                for entry in entries
            ],
            "drain": {"grace_seconds": 0, "stream_seconds": 5},
            "log": {"level": "debug"},
            **(settings or {}),
        }
        self._directory = directory
        super().__init__([GatewayReplica(directory, self.document) for _ in range(replicas)])

    @property
    def url(self) -> str:
        """The first gateway's."""
        return self.replicas[0].url

    @property
    def key(self) -> str:
        """The first key."""
        return next(iter(self.keys.values()))

    def new_replica(self, document: Mapping[str, Any] | None = None) -> GatewayReplica:
        """One more gateway on ports of its own, not started; stopped with the others.

        document: its configuration, if it is not that of the others.
        """
        return self.join(GatewayReplica(self._directory, document or self.document))

    def metric(self, name: str, **labels: str) -> float:
        """The sum over the gateways that run."""
        return sum(each.metric(name, **labels) for each in self.replicas if each.is_alive)

    def reconfigure(self) -> None:
        """Hand `document` to every gateway."""
        for replica in self.replicas:
            replica.reconfigure(self.document)
