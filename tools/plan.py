"""What `make run` is going to start: from the environment and the options to two documents.

Values in, values out: nothing is started, read or written here. The real GitHub and the
simulator take the same path; they differ in the URLs of the documents and in nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
ACCOUNT = "local"
# The SDKs' order of precedence (copilot-upstream.md §2.6).
CREDENTIAL_VARIABLES = ("COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")
# They would override the documents written here, and move what the supervisor watches.
OVERRIDING_PREFIXES = ("TOKEN_SERVICE__", "GATEWAY__")
SIMULATED_CREDENTIAL = "ghu_simulated_octocat"
NO = ("", "0", "false", "no")


class Refused(Exception):
    """Why nothing can be started; a sentence for the person at the terminal, without secrets."""


@dataclass(frozen=True)
class Ports:
    """Every port that is listened on, all on loopback."""

    gateway: int = 8080
    gateway_ops: int = 9102
    token_service: int = 50051
    token_service_ops: int = 9101
    simulator: int = 8090


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    ports: Ports = field(default_factory=Ports)
    upstream_url: str | None = None
    integration_id: str | None = None
    log_level: str = "warning"


@dataclass(frozen=True)
class Kind:
    """One kind of GitHub credential: how it is recognised and what it can do here."""

    prefix: str
    name: str
    strategy: str | None
    """None: nothing can be done with it, and `because` says why."""
    because: str = ""


# copilot-upstream.md §2.4
KINDS = (
    Kind("ghu_", "the token of an editor sign-in", "exchange"),
    Kind("gho_", "an OAuth app's token", "direct"),
    Kind("github_pat_", "a fine-grained personal access token", "direct"),
    Kind(
        "ghp_",
        "a classic personal access token",
        None,
        "Copilot refuses every one of that kind. These work: the token of an editor sign-in "
        "(ghu_), an OAuth app's token (gho_), a fine-grained personal access token (github_pat_) "
        "with the permission Copilot Requests",
    ),
    Kind(
        "ghs_",
        "a GitHub App's installation token",
        None,
        "It ends after an hour and only the strategy github_app can renew it; make run does not "
        "set that strategy up. These work: ghu_, gho_, github_pat_",
    ),
)
UNKNOWN = Kind("", "of a kind not known here", "auto")


@dataclass(frozen=True)
class Plan:
    """Everything that has to be known to start."""

    ports: Ports
    credential: str = field(repr=False)
    strategy: str
    notice: str
    github_url: str | None = None
    """In place of GitHub's API and web pages; None: the real ones."""
    base_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    integration_id: str | None = None
    starts_simulator: bool = False
    log_level: str = "warning"


def plan(environ: Mapping[str, str], options: Options) -> Plan:
    """Decide what to run against what. Raises Refused."""
    variable, credential = _credential(environ)
    wants_simulator = environ.get("SIMULATOR", "").strip().lower() not in NO
    starts_simulator = options.upstream_url is None and (wants_simulator or not variable)
    if starts_simulator or not variable:
        variable, credential = None, SIMULATED_CREDENTIAL
    kind = _kind(credential)
    if kind.strategy is None:
        raise Refused(f"{variable} holds {kind.name} ({kind.prefix}). {kind.because}.")
    url = options.upstream_url
    if starts_simulator:
        url = f"http://{HOST}:{options.ports.simulator}"
    return Plan(
        ports=options.ports,
        credential=credential,
        strategy=kind.strategy,
        notice=_simulator_notice(wants_simulator)
        if starts_simulator
        else _credential_notice(variable, kind, options),
        github_url=url,
        base_url=url if kind.strategy == "direct" else None,
        allowed_hosts=(urlsplit(url).hostname or "",) if url else (),
        integration_id=options.integration_id,
        starts_simulator=starts_simulator,
        log_level=options.log_level,
    )


def _credential(environ: Mapping[str, str]) -> tuple[str | None, str]:
    for name in CREDENTIAL_VARIABLES:
        if value := environ.get(name, "").strip():
            return name, value
    return None, ""


def _kind(credential: str) -> Kind:
    return next((kind for kind in KINDS if credential.startswith(kind.prefix)), UNKNOWN)


def _simulator_notice(asked_for: bool) -> str:
    names = ", ".join(CREDENTIAL_VARIABLES)
    why, way = f"None of {names} is set", "set one of them to its GitHub credential"
    if asked_for:
        why, way = "SIMULATOR is set", f"unset SIMULATOR and set one of {names}"
    return (
        f"{why}: this runs against a SIMULATOR on this machine. Nothing reaches GitHub or Copilot, "
        f"and every answer is invented.\nTo use a Copilot seat, {way}."
    )


def _credential_notice(variable: str | None, kind: Kind, options: Options) -> str:
    whose = variable or "a simulated credential"
    target = options.upstream_url or "GitHub"
    text = f"Using {whose}, {kind.name}{_prefix(kind)}: strategy {kind.strategy}, against {target}."
    if kind.strategy == "direct":
        text += "\nCopilot is sent this credential itself. Everything listens on loopback only."
    if kind.prefix == "github_pat_" and options.integration_id is None:
        # copilot-upstream.md §2.4: anything else is answered 400 or 401.
        text += (
            "\nCopilot is reported to take this kind only together with the integration id it is "
            "meant for; none is set (--integration-id)."
        )
    return text


def _prefix(kind: Kind) -> str:
    return f" ({kind.prefix})" if kind.prefix else ""


# --- what the plan means in the services' own words ----------------------------------------------


def token_service_document(plan: Plan, credential_file: str) -> dict[str, Any]:
    """token-service.yaml; it names the file the credential is in, never the credential."""
    account = {"id": ACCOUNT, "strategy": plan.strategy, "github_token_file": credential_file}
    optional = {"base_url": plan.base_url, "allowed_hosts": list(plan.allowed_hosts)}
    document: dict[str, Any] = {
        "listen": {
            "grpc": f"{HOST}:{plan.ports.token_service}",
            "ops": f"{HOST}:{plan.ports.token_service_ops}",
        },
        "accounts": [account | {name: value for name, value in optional.items() if value}],
        "log": {"level": plan.log_level, "format": "text"},
    }
    if plan.github_url:
        document["github"] = {"api_url": plan.github_url, "web_url": plan.github_url}
    if plan.integration_id:
        document["client_identity"] = {"integration_id": plan.integration_id}
    return document


def gateway_document(plan: Plan, key_digest: str, directory: str) -> dict[str, Any]:
    """gateway.yaml, with one key that may use the one account.

    directory: for the usage ledger, which goes with everything else when this ends.
    """
    return {
        "listen": {"host": HOST, "port": plan.ports.gateway, "ops_port": plan.ports.gateway_ops},
        "token_service": {"target": f"{HOST}:{plan.ports.token_service}"},
        "usage": {
            "database_url": f"sqlite:///{directory}/usage.db",
            "journal_dir": f"{directory}/journal",
        },
        "groups": [{"id": ACCOUNT, "platform": "copilot", "accounts": [{"id": ACCOUNT}]}],
        "keys": [{"id": ACCOUNT, "sha256": key_digest, "group": ACCOUNT}],
        # No load balancer has to notice first, and who pressed Ctrl-C waits for no long answer.
        "drain": {"grace_seconds": 0, "stream_seconds": 3},
        "log": {"level": plan.log_level, "format": "text"},
    }


def ports_used(plan: Plan) -> dict[str, int]:
    """The ports that must be free, by the name of the option that changes them."""
    used = {each.name: getattr(plan.ports, each.name) for each in fields(plan.ports)}
    if not plan.starts_simulator:
        del used["simulator"]
    return used


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the services inherit: no credential (the gateway may never hold one), no overrides."""
    dropped = {*CREDENTIAL_VARIABLES, *overrides(environ)}
    return {name: value for name, value in environ.items() if name not in dropped}


def overrides(environ: Mapping[str, str]) -> list[str]:
    """The variables that would change the services' settings behind the supervisor's back."""
    return sorted(name for name in environ if name.upper().startswith(OVERRIDING_PREFIXES))
