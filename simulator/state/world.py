"""Everything one run of the simulator knows: put together here from a scenario, and replaced whole.

Endpoints read and change it; it knows nothing of HTTP.
"""

import random
from collections import OrderedDict
from dataclasses import replace

from simulator.scenario.document import Scenario
from simulator.state.accounts import Accounts, Holder
from simulator.state.clock import Clock
from simulator.state.fingerprints import HeaderRecorder
from simulator.state.grants import Grants
from simulator.state.ledger import Ledger
from simulator.state.rulebook import Rulebook
from simulator.state.tokens import Tokens
from simulator.wire.catalogue import CATALOGUE, Model
from simulator.wire.token_string import SigningKey

# The listener that is everything: github.com, api.github.com and the API of every plan
# without a listener of its own.
MAIN = "main"

MOST_ISSUED = 200_000


class World:
    """The state of a run. `hosts`: base URLs of the listeners that are one plan's API host."""

    def __init__(self, scenario: Scenario, hosts: dict[str, str]) -> None:
        self.hosts = hosts
        self.first_scenario = scenario
        self._issued: OrderedDict[str, None] = OrderedDict()
        self.headers = HeaderRecorder()
        self.ledger = Ledger(scenario.ledger.keep)
        self.load(scenario)

    def load(self, scenario: Scenario) -> None:
        """Begin anew with a scenario; the ledger and the list of issued secrets stay."""
        self.scenario = scenario
        self.ledger.keep(scenario.ledger.keep)
        self.random = random.Random(scenario.seed)
        self.clock = Clock(scenario.clock)
        self.accounts = Accounts(scenario)
        self.tokens = Tokens(SigningKey(self.random.randbytes(32)))
        self.grants = Grants(scenario.device)
        self.rulebook = Rulebook(scenario.faults, _seed_of_chances(scenario))
        self.models = catalogue_of(scenario)
        self.models_by_id = {model.id: model for model in self.models}

    def reset(self) -> None:
        """As at the start: the first scenario, nothing asked, nothing issued."""
        self._issued.clear()
        self.ledger.clear()
        self.load(self.first_scenario)

    def home_of(self, holder: Holder) -> str:
        """The listener that is an account's API host (§5.1)."""
        plan = holder.account.plan.value
        return plan if plan in self.hosts else MAIN

    def note_issued(self, secret: str) -> None:
        """Remember a secret that was given out or accepted, for tests that look for leaks."""
        self._issued[secret] = None
        if len(self._issued) > MOST_ISSUED:
            self._issued.popitem(last=False)

    def issued(self) -> list[str]:
        """Every secret given out or accepted, and every credential that would be."""
        return list(dict.fromkeys([*self.accounts.credentials(), *self._issued]))

    def hex(self, digits: int) -> str:
        """Random hex digits."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"


def _seed_of_chances(scenario: Scenario) -> int:
    """What rules draw from: the scenario's seed, or one that nobody chose."""
    return random.getrandbits(64) if scenario.seed is None else scenario.seed


def catalogue_of(scenario: Scenario) -> list[Model]:
    """The built-in models as a scenario wants them."""
    knobs = scenario.models
    return [
        replace(model, enabled=False, has_policy=True) if model.id in knobs.disabled else model
        for model in CATALOGUE
        if not knobs.only or model.id in knobs.only
    ]
