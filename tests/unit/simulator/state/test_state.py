"""The ledger, fingerprints, tokens and accounts of a run."""

import pytest

from simulator.scenario.accounts import Crowd
from simulator.scenario.document import Scenario
from simulator.scenario.reading import ScenarioError
from simulator.state.accounts import Accounts
from simulator.state.fingerprints import HeaderRecorder, fingerprint
from simulator.state.ledger import Entry, Filter, Ledger, Outcome
from simulator.state.tokens import Minted, Tokens, Verdict
from simulator.state.world import World
from simulator.wire.token_string import SigningKey


def entry(number: int, endpoint: str = "chat", account: str | None = "a") -> Entry:
    repeated = (("a", "1"), ("a", "2"))
    made = Entry(number, 0.0, 0.0, endpoint, "POST", "/", "main", "h", repeated)
    made.account = account
    return made


def test_ledger_is_bounded_and_counts_everything() -> None:
    ledger = Ledger(keep=2)
    for number in range(1, 5):
        ledger.open(made := entry(number))
        made.status = 200
        ledger.close(made, Outcome.FINISHED, 1.0, 1.0)
    assert [each.sequence for each in ledger.select(Filter())] == [3, 4]
    assert ledger.counts["chat", 200] == 4


def test_ledger_knows_what_is_open() -> None:
    ledger = Ledger(keep=10)
    ledger.open(first := entry(1))
    ledger.open(entry(2))
    ledger.close(first, Outcome.CLIENT_LEFT, 1.0, 1.0)
    assert (ledger.gauge.open, ledger.gauge.most) == (1, 2)
    ledger.clear()
    assert (ledger.gauge.open, list(ledger.select(Filter()))) == (1, [])


def test_ledger_knows_what_is_open_of_an_account() -> None:
    ledger = Ledger(keep=10)
    for made in (first := entry(1, account=None), entry(2, account=None)):
        ledger.open(made)
        ledger.attribute(made, "a")
    ledger.attribute(entry(3, account=None), None)
    ledger.close(first, Outcome.FINISHED, 1.0, 1.0)
    gauge = ledger.gauges_by_account["a"]
    assert (gauge.open, gauge.most) == (1, 2)
    ledger.clear()
    assert (gauge.open, gauge.most) == (1, 1)


def test_ledger_selects() -> None:
    ledger = Ledger(keep=10)
    for made in (entry(1), entry(2, "exchange"), entry(3, account="b"), entry(4)):
        ledger.open(made)

    def chosen(**wanted: object) -> list[int]:
        return [each.sequence for each in ledger.select(Filter(**wanted))]  # type: ignore[arg-type]

    assert chosen(endpoint="exchange") == [2]
    assert chosen(account="a", since=1) == [2, 4]
    assert chosen(limit=2) == [1, 2]
    assert chosen(outcome="open", status=0) == [1, 2, 3, 4]
    assert chosen(model="gpt-4o") == chosen(marker="m") == []


def test_repeated_headers_become_one() -> None:
    assert entry(1).as_json()["headers"] == {"a": "1, 2"}


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        ("ghu_secret", "ghu_"),
        ("github_pat_secret", "github_pat_"),
        ("tid=1;exp=2:ab", "tid="),
        ("secret", ""),
    ],
)
def test_fingerprints_show_the_kind_and_nothing_else(secret: str, kind: str) -> None:
    shown = fingerprint(secret)
    assert shown.startswith(f"{kind}…sha256:")
    assert "secret" not in shown
    assert shown == fingerprint(secret) != fingerprint(secret + "x")


def test_recorded_headers_hold_no_secret() -> None:
    recorder = HeaderRecorder(most=2)
    headers = [("Authorization", "Bearer gho_secret"), ("X-Api-Key", "secret"), ("Accept", "*/*")]
    for _ in range(3):
        recorded = dict(recorder.record(headers))
        assert "secret" not in str(recorded)
        assert recorded["authorization"].startswith("Bearer gho_…sha256:")
        assert recorded["accept"] == "*/*"


def test_tokens_are_bounded_and_a_forgotten_one_counts_as_expired() -> None:
    world = World(Scenario(seed=1), {})
    tokens = Tokens(SigningKey(b"k"), most=1)
    tokens.add("first", Minted("a", 10.0, "main"))
    tokens.add("second", Minted("a", 10.0, "main"))
    assert tokens.judge("second", 9.0) is Verdict.VALID
    assert tokens.judge("first", 9.0) is Verdict.UNKNOWN
    assert world.tokens.judge("nonsense", 0.0) is Verdict.UNKNOWN


def test_crowd_is_numbered() -> None:
    accounts = Accounts(Scenario(crowd=Crowd(count=3)))
    holder = accounts.by_credential("ghu_simulated_seat_3")
    assert holder is not None
    assert (holder.account.login, len(accounts)) == ("seat-3", 5)


def test_changes_of_an_account_are_judged_like_a_scenario() -> None:
    accounts = Accounts(Scenario())
    with pytest.raises(ScenarioError, match="seet: no such setting"):
        accounts.change("octocat", {"seet": "active"})
    changed = accounts.change("octocat", {"credentials": ["ghu_new"], "seat": "spammy_user"})
    assert changed is not None
    assert accounts.by_credential("ghu_new") is changed
    assert accounts.change("nobody", {}) is None


def test_revoked_credentials_are_nobodys() -> None:
    accounts = Accounts(Scenario())
    holder = accounts.by_login("octocat")
    assert holder is not None
    accounts.forget_credentials(holder)
    assert accounts.by_credential("ghu_simulated_octocat") is None


def test_a_reset_goes_back_to_the_first_scenario() -> None:
    world = World(Scenario(description="first"), {})
    world.load(Scenario(description="second"))
    world.note_issued("secret")
    world.reset()
    assert world.scenario.description == "first"
    assert "secret" not in world.issued()
