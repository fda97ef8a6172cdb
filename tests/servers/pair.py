"""Both services as real processes, in front of the simulator or another upstream."""

import hashlib
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.servers.ports import free_ports
from tests.servers.process import ROOT, ServiceProcess, clean_environment

CREDENTIAL = "ghu_simulated_octocat"


class Pair:
    """token_service and gateway for one group, in `directory`.

    upstream_url: GitHub and Copilot in one address.
    more_credentials: of further accounts, which are `seat-2` and so on; all are of one group.
    freshness, limits, models, initiator: sections of the services' configuration.
    key: what the key has beside its group. more_keys: further keys by id, likewise.
    """

    def __init__(
        self,
        directory: Path,
        upstream_url: str,
        *,
        credential: str = CREDENTIAL,
        more_credentials: Sequence[str] = (),
        strategy: str = "auto",
        freshness: Mapping[str, float] | None = None,
        limits: Mapping[str, float] | None = None,
        models: Mapping[str, Any] | None = None,
        initiator: Mapping[str, bool] | None = None,
        key: Mapping[str, Any] | None = None,
        more_keys: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        grpc, broker_ops, self.port, gateway_ops = free_ports(4)
        self.key, sha256 = new_key()
        self.more_keys = {key_id: secrets.token_hex(24) for key_id in more_keys or {}}
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.database_url = f"sqlite:///{directory}/usage.db"
        self.broker_metrics_url = f"http://127.0.0.1:{broker_ops}/metrics"
        self.gateway_metrics_url = f"http://127.0.0.1:{gateway_ops}/metrics"
        seats = {
            f"seat-{number}": each
            for number, each in enumerate((credential, *more_credentials), start=1)
        }
        for seat, each in seats.items():
            (directory / seat).write_text(each + "\n")
        self._broker_file = directory / "token-service.yaml"
        self._broker_file.write_text(
            yaml.safe_dump(
                {
                    "listen": {"grpc": f"127.0.0.1:{grpc}", "ops": f"127.0.0.1:{broker_ops}"},
                    "github": {"api_url": upstream_url, "web_url": upstream_url},
                    "accounts": [
                        {
                            "id": seat,
                            "strategy": strategy,
                            "github_token_file": str(directory / seat),
                            "allowed_hosts": ["127.0.0.1"],
                            **({"base_url": upstream_url} if strategy == "direct" else {}),
                        }
                        for seat in seats
                    ],
                    "freshness": dict(freshness or {}),
                    "log": {"level": "debug"},
                }
            )
        )
        gateway_file = directory / "gateway.yaml"
        gateway_file.write_text(
            yaml.safe_dump(
                {
                    "listen": {"port": self.port, "ops_port": gateway_ops},
                    "usage": {
                        "database_url": self.database_url,
                        "journal_dir": str(directory / "journal"),
                    },
                    "token_service": {"target": f"127.0.0.1:{grpc}"},
                    "groups": [
                        {
                            "id": "team",
                            "accounts": [{"id": seat} for seat in seats],
                            "models": dict(models or {}),
                        }
                    ],
                    "keys": [
                        {"id": "ci-bot", "sha256": sha256, "group": "team", **(key or {})},
                        *(
                            {
                                "id": key_id,
                                "sha256": hashlib.sha256(secret.encode()).hexdigest(),
                                "group": "team",
                                **(more_keys or {})[key_id],
                            }
                            for key_id, secret in self.more_keys.items()
                        ),
                    ],
                    "initiator": dict(initiator or {}),
                    "limits": dict(limits or {}),
                    "drain": {"grace_seconds": 0, "stream_seconds": 5},
                    "log": {"level": "debug"},
                }
            )
        )
        self._broker_ready = f"http://127.0.0.1:{broker_ops}/readyz"
        self.broker = self.new_broker()
        self.gateway = ServiceProcess(
            ["gateway", "--config", str(gateway_file)], f"http://127.0.0.1:{gateway_ops}/readyz"
        )

    def new_broker(self) -> ServiceProcess:
        """Another process of token_service with the same configuration, not started."""
        return ServiceProcess(
            ["token_service", "--config", str(self._broker_file)], self._broker_ready
        )

    def __enter__(self) -> Self:
        self.broker.__enter__()
        try:
            self.gateway.__enter__()
        except BaseException:
            self.broker.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.gateway.__exit__(kind, error, trace)
        self.broker.__exit__(kind, error, trace)


def new_key() -> tuple[str, str]:
    """A key and its digest, made as an operator makes them."""
    made = subprocess.run(
        [sys.executable, "-m", "gateway", "keys", "new", "--id", "ci-bot"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = dict(line.split(":", 1) for line in made.stdout.splitlines() if ":" in line)
    return lines["key"].strip(), lines["sha256"].strip()
