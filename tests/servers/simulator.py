"""The simulator as a real process, with its control endpoint as typed methods.

What the methods do is described in docs/simulator.md.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from tests.servers.ports import free_ports
from tests.servers.process import ServiceProcess

CONTROL_TIMEOUT_SECONDS = 10.0


class Seen(msgspec.Struct, frozen=True):
    """One ledger entry. Header names are in lower case; times are seconds since the epoch."""

    sequence: int
    time: float
    opened: float
    endpoint: str
    method: str
    path: str
    listener: str
    host: str
    headers: dict[str, str]
    body_length: int
    body_sha256: str
    body: str | None
    account: str | None
    model: str | None
    marker: str | None
    stream: bool
    initiator: str | None
    vision: bool
    status: int
    fault: str | None
    fault_kind: str | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    nano_aiu: int
    outcome: str
    ended_at: float | None
    closed: float | None
    writes: int
    bytes_sent: int


class Simulator:
    """`python -m simulator`, started and stopped with the block it is used in.

    plans: the plans that get an API host of their own, each on a free port.
    """

    def __init__(self, scenario: Path | None = None, plans: tuple[str, ...] = ()) -> None:
        port, *plan_ports = free_ports(1 + len(plans))
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self.plan_urls = {
            plan: f"http://127.0.0.1:{plan_port}"
            for plan, plan_port in zip(plans, plan_ports, strict=True)
        }
        arguments = ["simulator", "--port", str(port)]
        if scenario is not None:
            arguments += ["--scenario", str(scenario)]
        for plan, plan_port in zip(plans, plan_ports, strict=True):
            arguments += ["--capi-port", f"{plan}={plan_port}"]
        self.process = ServiceProcess(arguments, ready_url=f"{self.base_url}/_simulator/state")
        self._control = httpx.Client(
            base_url=f"{self.base_url}/_simulator",
            timeout=CONTROL_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def state(self) -> dict[str, Any]:
        """Gauges, counts, accounts and grants."""
        content: dict[str, Any] = self._ask("GET", "/state")
        return content

    @property
    def open_requests(self) -> int:
        """How many requests are being answered at this moment."""
        return int(self.state()["open_requests"])

    def reset(self) -> None:
        """Back to how it started: first scenario, empty ledger, nothing issued, no faults."""
        self._ask("POST", "/reset")

    def load(self, scenario: Mapping[str, Any] | str) -> None:
        """Replace the scenario; what was asked and issued so far stays known."""
        if isinstance(scenario, str):
            self._ask("PUT", "/scenario", text=scenario)
        else:
            self._ask("PUT", "/scenario", scenario)

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Add rules after those there are."""
        self._ask("POST", "/faults", list(faults))

    def rules(self) -> list[dict[str, Any]]:
        """The rules, with how often each was met and applied."""
        content: list[dict[str, Any]] = self._ask("GET", "/faults")
        return content

    def remove_faults(self, name: str | None = None) -> int:
        """Remove the rules of a name, or all; how many."""
        query = {} if name is None else {"name": name}
        return int(self._ask("DELETE", "/faults", query=query)["removed"])

    def ledger(self, **wanted: str | int) -> list[Seen]:
        """What was asked, oldest first; `endpoint`, `account`, `model`, `marker`,
        `outcome`, `status`, `since` and `limit` select."""
        content = self._ask("GET", "/ledger", query=wanted)
        return msgspec.convert(content, list[Seen])

    def clear_ledger(self) -> None:
        """Forget what was asked."""
        self._ask("DELETE", "/ledger")

    def issued(self) -> list[str]:
        """Every secret given out or accepted: none of them may be found anywhere else."""
        content: list[str] = self._ask("GET", "/issued")["issued"]
        return content

    def change_account(self, login: str, **changes: Any) -> dict[str, Any]:
        """Change an account's settings; `revoke_tokens` and `revoke_credentials` do what they
        say."""
        content: dict[str, Any] = self._ask("POST", f"/accounts/{login}", changes)
        return content

    def set_clock(self, **knobs: float) -> None:
        """Move or skew the simulator's clock."""
        self._ask("POST", "/clock", knobs)

    def grant(self, user_code: str, account: str | None = None) -> None:
        """Say yes to a device flow's user code."""
        body = {} if account is None else {"account": account}
        self._ask("POST", f"/device/{user_code}/grant", body)

    def deny(self, user_code: str) -> None:
        """Say no to a device flow's user code."""
        self._ask("POST", f"/device/{user_code}/deny")

    def __enter__(self) -> Self:
        self.process.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.close()
        self.process.__exit__(kind, error, trace)

    def _ask(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        query: Mapping[str, str | int] | None = None,
        text: str | None = None,
    ) -> Any:
        body = text if text is not None else msgspec.json.encode(content or None)
        answer = self._control.request(method, path, content=body, params=dict(query or {}))
        assert answer.status_code == 200, answer.text
        return answer.json()
