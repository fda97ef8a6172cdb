"""A real Prometheus as a process, and promtool: Debian's package `prometheus` has both."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
import yaml

from tests.servers.ports import free_ports

START_SECONDS = 20.0
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool") or not shutil.which("prometheus"),
    reason="needs prometheus: `make ci-tools` as root, or the Debian package `prometheus`",
)


def promtool(*arguments: str, directory: Path, stdin: str = "") -> str:
    """What it says. Raises AssertionError with that if it finds anything wrong."""
    done = subprocess.run(
        ["promtool", *arguments],
        cwd=directory,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class PrometheusServer:
    """One server on loopback that looks twice a second; what it holds is gone with the block.

    jobs: addresses by job. rules: the text of a file of rules.
    """

    def __init__(self, jobs: Mapping[str, Sequence[str]], rules: str) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._listen = f"127.0.0.1:{port}"
        self._directory = Path(tempfile.mkdtemp(prefix="prometheus-"))
        (self._directory / "rules.yaml").write_text(rules)
        every = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "1s"}
        scrapes = [
            {
                "job_name": job,
                "static_configs": [{"targets": list(each), "labels": {"namespace": "test"}}],
            }
            for job, each in jobs.items()
        ]
        config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": scrapes}
        (self._directory / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._directory / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._directory / 'data'}",
                    f"--web.listen-address={self._listen}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self._process.poll() is None, (self._directory / "log").read_text()
            assert time.monotonic() < deadline, (self._directory / "log").read_text()
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._directory, ignore_errors=True)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series an expression has now. Raises AssertionError when it is none."""
        data = self._get("query", query=expr)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return list(data["result"])

    def value(self, expr: str) -> float:
        """The one value an expression has now; 0 without one."""
        found = self.query(expr)
        return float(found[0]["value"][1]) if found else 0.0

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health and its alerts."""
        groups = self._get("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, path: str, **query: str) -> Any:
        answer = httpx.get(
            f"{self.url}/api/v1/{path}", params=query, trust_env=False, timeout=30
        ).json()
        assert answer["status"] == "success", f"{query}: {answer}"
        return answer["data"]

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
