"""The configurations of everything that is measured: as printed with the results.

The gateway has everything on. The references have not: no keys, no limits, no counting, no log.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KEY = "cgw-bench-" + "0" * 32
KEY_DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
PLENTY = 1_000_000_000
"""No request of the measured ones may meet a limit; all of them are counted all the same."""


def broker(port: int, ops: int, upstream: str, accounts: int) -> dict[str, Any]:
    """token_service with ready-made tokens: its work is not in the path of a request."""
    return {
        "listen": {"grpc": f"127.0.0.1:{port}", "ops": f"127.0.0.1:{ops}"},
        "accounts": [
            {
                "id": f"seat-{number}",
                "strategy": "static",
                "github_token": f"tid=bench{number:05};exp=2900000000;sku=bench",
                "base_url": upstream,
                "allowed_hosts": [upstream.split("://")[1]],
            }
            for number in range(accounts)
        ],
    }


def gateway(
    directory: Path,
    ports: tuple[int, int],
    target: str,
    *,
    accounts: int = 1,
    groups: int = 1,
    keys: int = 1,
    store: str = "memory://",
    ca_file: Path | None = None,
) -> dict[str, Any]:
    """The gateway: key with places, rate and budget; account with places; metrics, journal,
    ledger, access log. Accounts and keys are spread over the groups."""
    port, ops = ports
    first: dict[str, Any] = {
        "id": "bench",
        "sha256": KEY_DIGEST,
        "group": "team-0",
        "max_concurrency": 100_000,
        "max_waiting": 10_000,
        "rate": {"requests_per_minute": PLENTY, "tokens_per_minute": 1000 * PLENTY},
        "budget": {
            "period": "month",
            "requests": PLENTY,
            "tokens": 1000 * PLENTY,
            "credits": PLENTY,
        },
    }
    others = [
        {
            **first,
            "id": f"key-{number}",
            "sha256": f"{number:064x}",
            "group": f"team-{number % groups}",
        }
        for number in range(1, keys)
    ]
    seats = [{"id": f"seat-{number}", "max_concurrency": 100_000} for number in range(accounts)]
    teams = [
        {"id": f"team-{number}", "platform": "copilot", "accounts": seats[number::groups]}
        for number in range(groups)
    ]
    return {
        "listen": {"port": port, "ops_port": ops},
        "token_service": {"target": target},
        "store": {"url": store},
        "usage": {
            "database_url": f"sqlite:///{directory}/usage-{port}.db",
            "journal_dir": f"{directory}/journal-{port}",
        },
        "egress": {"ca_file": str(ca_file) if ca_file else None},
        "groups": teams,
        "keys": [first, *others],
        "drain": {"grace_seconds": 0, "stream_seconds": 1},
        "log": {"level": "info", "format": "json"},
    }


def nginx(directory: Path, port: int, upstream: str, ca_file: Path | None) -> str:
    """One worker, connections upstream kept, nothing buffered."""
    scheme, address = upstream.split("://")
    return f"""daemon off;
worker_processes 1;
error_log {directory}/nginx-{port}.err;
pid {directory}/nginx-{port}.pid;
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {directory}/nginx-{port}-body;
  proxy_temp_path {directory}/nginx-{port}-proxy;
  fastcgi_temp_path {directory}/nginx-{port}-fastcgi;
  uwsgi_temp_path {directory}/nginx-{port}-uwsgi;
  scgi_temp_path {directory}/nginx-{port}-scgi;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  upstream there {{
    server {address};
    keepalive 4096;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass {scheme}://there;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
      {_verification(ca_file)}
    }}
  }}
}}
"""


def caddy(port: int, upstream: str, ca_file: Path | None) -> str:
    """A reverse proxy and nothing else; run with GOMAXPROCS=1."""
    trust = f"tls_trust_pool file {ca_file}" if ca_file else ""
    return f"""{{
  admin off
  auto_https off
  persist_config off
  log {{
    level ERROR
  }}
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  reverse_proxy {upstream} {{
    flush_interval -1
    transport http {{
      keepalive_idle_conns_per_host 4096
      keepalive_idle_conns 4096
      compression off
      {trust}
    }}
  }}
}}
"""


def shown(text: str, directory: Path) -> str:
    """A configuration without the machine's paths."""
    return text.replace(str(directory), "DIRECTORY")


def shortened(entries: Sequence[Any]) -> list[Any]:
    """The first of many alike, and of its own accounts likewise."""
    first = dict(entries[0])
    if "accounts" in first:
        first["accounts"] = shortened(first["accounts"])
    return [first] + ([f"and {len(entries) - 1} more"] if len(entries) > 1 else [])


def _verification(ca_file: Path | None) -> str:
    if ca_file is None:
        return ""
    return (
        f"proxy_ssl_trusted_certificate {ca_file}; proxy_ssl_verify on; proxy_ssl_name localhost; "
        "proxy_ssl_session_reuse on;"
    )
