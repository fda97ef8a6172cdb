"""The section `auth`: whose tokens count, and what they lead to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.domain.jwt_claims import CallerRules, caller
from gateway.settings.document import Settings
from gateway.settings.reading import changes
from gateway.settings.snapshot import RELOADED, Snapshot, snapshot_of
from runtime.rereading import differing
from tests.servers.jwt_issuer import Issuer, ec_key, rsa_key
from tests.servers.process import ROOT
from tests.unit.gateway.settings.documents import TEAM, problems, read

RULE = {"claim": "groups", "matches": "ai-*", "group": "team"}
JWT = {
    "issuer": "https://sso.example",
    "audience": "copilot-gateway",
    "jwks_url": "https://sso.example/jwks/",
    "rules": [RULE],
}


def auth(**changes: Any) -> dict[str, Any]:
    """A section that is fine, with these changes; `...` leaves one out."""
    fields = {**JWT, **changes}
    return {"jwt": {name: value for name, value in fields.items() if value is not ...}}


def snapshot(directory: Path, started_with: Settings | None = None, **changes: Any) -> Snapshot:
    return snapshot_of(read(directory, auth=auth(**changes)), started_with)


def test_without_it_only_keys_count(tmp_path: Path) -> None:
    assert read(tmp_path).auth.jwt is None
    assert snapshot_of(read(tmp_path)).caller_rules == CallerRules()


def test_the_defaults(tmp_path: Path) -> None:
    jwt = read(tmp_path, auth=auth()).auth.jwt
    assert jwt is not None
    assert (jwt.algorithms, jwt.leeway_seconds) == (("RS256", "ES256"), 60)
    assert (jwt.claims.person, jwt.claims.group, jwt.claims.account) == ("sub", None, None)
    assert (jwt.default_group, jwt.rules[0].max_waiting) == (None, 20)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"issuer": ...}, "issuer"),
        ({"issuer": ""}, "issuer"),
        ({"audience": ...}, "audience"),
        ({"audience": "two words"}, "audience"),
        ({"algorithms": ["none"]}, "algorithms[0]"),
        ({"algorithms": ["HS256"]}, "algorithms[0]"),
        ({"algorithms": ["RS256", "PS256"]}, "algorithms[1]"),
        ({"algorithms": []}, "algorithms"),
        ({"leeway_seconds": 301}, "leeway_seconds"),
        ({"leeway_seconds": -1}, "leeway_seconds"),
        ({"jwks_url": ...}, "jwks_file: the issuer's keys come from jwks_url or from jwks_file"),
        ({"jwks_url": "http://sso.example/jwks"}, "jwks_url: must be https, except on loopback"),
        ({"jwks_url": "https://me:secret@sso.example/jwks"}, "jwks_url: must be a plain URL"),
        ({"jwks_url": "https://sso.example/jwks#x"}, "jwks_url"),
        ({"jwks_url": "file:///etc/passwd"}, "jwks_url"),
        ({"ca_file": "/nowhere"}, "ca_file"),
        ({"claims": {"person": ""}}, "claims.person"),
        ({"claims": {"mail": "x"}}, "claims.mail"),
        ({"rules": [{**RULE, "matches": ""}]}, "rules[0].matches"),
        ({"rules": [{**RULE, "max_concurrency": 0}]}, "rules[0].max_concurrency"),
        ({"rules": [{"claim": "groups", "matches": "*"}]}, "rules[0].group"),
        ({"rules": [{**RULE, "group": "x"}]}, "rules[0].group: there is no such group"),
        (
            {"rules": [{**RULE, "account": "seat-9"}]},
            "rules[0].account: the rule's group has no such account",
        ),
        ({"default_group": "x"}, "default_group: there is no such group"),
        ({"rules": []}, "default_group: nobody could call"),
    ],
)
def test_each_value_is_judged(tmp_path: Path, changed: dict[str, Any], where: str) -> None:
    (problem,) = problems(tmp_path, auth=auth(**changed))
    assert problem.startswith(f"auth.jwt.{where}")
    assert "secret" not in problem


@pytest.mark.parametrize(
    "url",
    [
        "https://sso.example/jwks/",
        "https://tenant.example/keys?p=policy_1",
        "http://127.0.0.1:8080/jwks",
        "http://localhost/jwks",
    ],
)
def test_a_url_stays_as_it_is_written(tmp_path: Path, url: str) -> None:
    jwt = read(tmp_path, auth=auth(jwks_url=url)).auth.jwt
    assert jwt is not None
    assert jwt.jwks_url == url


def test_keys_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    here: dict[str, Any] = {"jwks_url": ..., "jwks_file": str(file)}
    (problem,) = problems(tmp_path, auth=auth(**here))
    assert problem.endswith("jwks.json: no such file")
    file.write_bytes(Issuer(small=rsa_key(1024)).jwks())
    (problem,) = problems(tmp_path, auth=auth(**here))
    assert "has no key that can be used" in problem
    file.write_bytes(Issuer(k1=ec_key()).jwks())
    assert read(tmp_path, auth=auth(**here)).auth.jwt is not None
    (problem,) = problems(tmp_path, auth=auth(jwks_file=str(file)))
    assert problem.startswith("auth.jwt.jwks_file: the issuer's keys come from")


def test_somebody_gets_in_by_a_claim_or_by_default(tmp_path: Path) -> None:
    read(tmp_path, auth=auth(rules=[], default_group="team"))
    read(tmp_path, auth=auth(rules=[], claims={"group": "team"}))


def test_what_the_rules_come_to(tmp_path: Path) -> None:
    limits = {
        "account": "seat-1",
        "may_mark_agent": True,
        "max_concurrency": 4,
        "max_waiting": 7,
        "rate": {"requests_per_minute": 60},
        "budget": {"credits": 5},
    }
    found = snapshot(tmp_path, rules=[{**RULE, **limits}], claims={"person": "email"})
    key = caller({"email": "ada@example", "groups": ["ai-x"], "exp": 9}, found.caller_rules)

    assert (key.id, key.group, key.account) == ("jwt:ada@example", "team", "seat-1")
    assert (key.may_mark_agent, key.max_concurrency, key.max_waiting) == (True, 4, 7)
    assert key.rate is not None
    assert key.rate.requests_per_minute == 60
    assert key.budget is not None
    assert key.budget.nano_aiu == 5 * 10**9


def test_a_claims_account_is_one_of_the_groups(tmp_path: Path) -> None:
    found = snapshot(tmp_path, claims={"account": "seat"}).caller_rules
    claims = {"sub": "ada", "groups": "ai-x", "seat": "seat-1"}
    assert caller(claims, found).account == "seat-1"


def test_rules_are_taken_over_while_it_runs_and_the_issuer_is_not(tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    now = snapshot(
        tmp_path,
        before.settings,
        issuer="https://other.example",
        algorithms=["ES256"],
        rules=[{**RULE, "matches": "*"}],
        claims={"person": "email"},
        default_group="team",
    )

    assert list(changes(before, now)) == ["the rules of auth.jwt"]
    waiting = differing(before.settings, now.settings, RELOADED)
    assert waiting == ["auth.jwt.algorithms", "auth.jwt.issuer"]
    assert now.caller_rules.issuer == "https://sso.example"


def test_a_section_that_comes_or_goes_needs_a_restart_but_nobody_stays_in(tmp_path: Path) -> None:
    having, none = snapshot(tmp_path), snapshot_of(read(tmp_path))
    assert differing(having.settings, none.settings, RELOADED) == ["auth.jwt"]
    assert none.caller_rules == CallerRules()


def test_other_changes_of_a_group_are_not_the_rules(tmp_path: Path) -> None:
    wider = {**TEAM, "accounts": [{"id": "seat-1"}, {"id": "seat-2"}]}
    before = snapshot(tmp_path)
    now = snapshot_of(read(tmp_path, groups=[wider], auth=auth()), before.settings)
    assert "the rules of auth.jwt" not in list(changes(before, now))


def test_the_sample_shows_it_as_it_would_be_accepted(tmp_path: Path) -> None:
    text = (ROOT / "gateway.sample.yaml").read_text()
    lines = text.partition("# auth:\n")[2].partition("\n\n")[0]
    shown = yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines.splitlines()))
    groups = [{**TEAM, "id": "engineering"}]
    jwt = read(tmp_path, groups=groups, keys=[], auth=shown).auth.jwt
    assert jwt is not None
    assert jwt.rules[0].group == "engineering"
