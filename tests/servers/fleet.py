"""Several replicas of token_service as processes, on one store, with callers that have tokens."""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc

from tests.servers.caller_process import CallerProcess
from tests.servers.ports import free_ports
from tests.servers.replica import ReplicaProcess, Replicas
from token_client.client import TokenClient
from token_client.files import Tls

CALLER = "acceptance"


class Replica(ReplicaProcess):
    """One process of token_service."""

    def __init__(
        self, directory: Path, document: Mapping[str, Any], environment: Mapping[str, str]
    ):
        rpc, ops = free_ports(2)
        self.target = f"127.0.0.1:{rpc}"
        listen = {**document["listen"], "grpc": self.target, "ops": f"127.0.0.1:{ops}"}
        super().__init__(
            "token_service",
            directory / f"replica-{rpc}.yaml",
            {**document, "listen": listen},
            f"http://127.0.0.1:{ops}",
            environment,
        )


class Fleet(Replicas[Replica]):
    """Replicas with the same accounts, store and key; started and stopped with the block.

    accounts: id → credential. settings: sections that replace the defaults. store: settings added
    to the store's section. environment: variables of the replicas.
    """

    def __init__(
        self,
        directory: Path,
        github_url: str,
        store_url: str,
        replicas: int = 4,
        accounts: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        store: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.caller_token = "caller-" + secrets.token_urlsafe(24)
        self.accounts = dict(accounts or {"seat-1": "ghu_simulated_octocat"})
        key_file = directory / "store-keys"
        self.store_key = base64.b64encode(secrets.token_bytes(32)).decode()
        key_file.write_text(self.store_key + "\n")
        document = {
            "github": {"api_url": github_url, "web_url": github_url},
            "store": {"url": store_url, "encryption_key_file": str(key_file), **(store or {})},
            "accounts": [self._account(directory, each) for each in self.accounts],
            "auth": {
                "mode": "tokens",
                "callers": [
                    {
                        "id": CALLER,
                        "token_sha256": hashlib.sha256(self.caller_token.encode()).hexdigest(),
                        "accounts": ["*"],
                    }
                ],
            },
            "listen": {},
            "log": {"level": "debug"},
            **(settings or {}),
        }
        super().__init__(
            [Replica(directory, document, dict(environment or {})) for _ in range(replicas)]
        )
        self._token_file = directory / "caller-token"
        self._token_file.write_text(self.caller_token + "\n")

    @property
    def targets(self) -> list[str]:
        """The replicas' addresses."""
        return [replica.target for replica in self.replicas]

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a caller presents with each call."""
        return (("authorization", f"Bearer {self.caller_token}"),)

    def client(self) -> TokenClient:
        """A client of all replicas, as another service would have it."""
        addresses = ",".join(self.targets)
        return TokenClient(f"ipv4:{addresses}", token_file=self._token_file)

    def caller(self, seconds: float, wall_clock_off_by: int) -> CallerProcess:
        """Another process that calls all replicas for so long."""
        target = "ipv4:" + ",".join(self.targets)
        return CallerProcess(target, self._token_file, seconds, wall_clock_off_by)

    def tls_client(self, tls: Tls, number: int) -> TokenClient:
        """A client of one replica: a list of addresses has no name a certificate could bear."""
        target = self.targets[number % len(self.targets)]
        return TokenClient(target, tls=tls, token_file=self._token_file)

    def channels(self, each: int = 1) -> list[grpc.aio.Channel]:
        """Channels to all replicas in turn; the caller closes them."""
        options = (("grpc.use_local_subchannel_pool", 1),)
        return [
            grpc.aio.insecure_channel(target, options=options)
            for _ in range(each)
            for target in self.targets
        ]

    def metric(self, name: str, **labels: str) -> float:
        """The sum over the replicas."""
        return sum(replica.metric(name, **labels) for replica in self.replicas)

    def under_way(self, method: str) -> float:
        """How many calls of a method the replicas are answering now."""
        started = self.metric("grpc_server_started_total", grpc_method=method)
        return started - self.metric("grpc_server_handled_total", grpc_method=method)

    def outputs(self) -> Sequence[str]:
        """What the replicas wrote so far."""
        return [replica.output() for replica in self.replicas]

    def _account(self, directory: Path, account: str) -> dict[str, Any]:
        file = directory / f"credential-{account}"
        file.write_text(self.accounts[account] + "\n")
        return {
            "id": account,
            "github_token_file": str(file),
            "allowed_hosts": ["127.0.0.1"],
        }
