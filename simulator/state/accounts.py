"""The accounts of a run: who owns a credential, what was used of a quota, what has changed."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from simulator.scenario.accounts import Account, Crowd
from simulator.scenario.document import Scenario
from simulator.scenario.reading import judge
from simulator.wire.models_body import NANO_AIU_PER_CREDIT

# Accounts made on the way (`accept_any`, logins): beyond this, new credentials are refused.
MOST_ACCOUNTS = 200_000


@dataclass
class Holder:
    """An account and what happened to it in this run."""

    account: Account
    nano_aiu: int = 0
    exchanges: int = 0
    credentials: set[str] = field(default_factory=set, repr=False)

    @property
    def used_credits(self) -> float:
        """Credits used this month, those before the run included."""
        return self.account.quota.used + self.nano_aiu / NANO_AIU_PER_CREDIT

    @property
    def is_out_of_quota(self) -> bool:
        """Whether a request is to be refused for it."""
        quota = self.account.quota
        return quota.enforce and self.used_credits >= quota.credits


class Accounts:
    """Holders by login and by credential."""

    def __init__(self, scenario: Scenario) -> None:
        self._by_login: dict[str, Holder] = {}
        self._by_credential: dict[str, Holder] = {}
        self._by_installation: dict[int, Holder] = {}
        self._accept_any = scenario.accept_any
        for account in scenario.accounts:
            self._add(account)
        for account in _crowd(scenario.crowd):
            self._add(account)

    def __len__(self) -> int:
        return len(self._by_login)

    def by_login(self, login: str) -> Holder | None:
        """The holder of a login."""
        return self._by_login.get(login)

    def by_credential(self, credential: str) -> Holder | None:
        """The holder of a credential; with `accept_any` every `ghu_…` has one."""
        found = self._by_credential.get(credential)
        if found is None and self._accept_any and credential.startswith("ghu_"):
            found = self._welcome(credential)
        return found

    def by_installation(self, installation_id: int) -> Holder | None:
        """The holder that has this installation of an App."""
        return self._by_installation.get(installation_id)

    def credentials(self) -> list[str]:
        """Every credential that is known."""
        return list(self._by_credential)

    def all(self) -> list[Holder]:
        """Every holder."""
        return list(self._by_login.values())

    def grant(self, login: str, credential: str) -> None:
        """Give an account one more credential; the account is made if there is none."""
        holder = self._by_login.get(login) or self._add(Account(login=login))
        self._own(holder, credential)

    def change(self, login: str, changes: dict[str, Any]) -> Holder | None:
        """Change an account; None if there is none. Raises ScenarioError."""
        holder = self._by_login.get(login)
        if holder is None:
            return None
        content = {**holder.account.model_dump(mode="json"), **changes, "login": login}
        account = judge(content, Account)
        for credential in set(account.credentials) - holder.credentials:
            self._own(holder, credential)
        self._install(holder, account)
        return holder

    def forget_credentials(self, holder: Holder) -> None:
        """All credentials of an account become unknown, as if revoked."""
        for credential in holder.credentials:
            self._by_credential.pop(credential, None)
        holder.credentials.clear()

    def _welcome(self, credential: str) -> Holder | None:
        if len(self._by_login) >= MOST_ACCOUNTS:
            return None
        digest = hashlib.sha256(credential.encode()).hexdigest()[:8]
        return self._add(Account(login=f"anyone-{digest}", credentials=(credential,)))

    def _add(self, account: Account) -> Holder:
        holder = Holder(account)
        self._by_login[account.login] = holder
        for credential in account.credentials:
            self._own(holder, credential)
        self._install(holder, account)
        return holder

    def _install(self, holder: Holder, account: Account) -> None:
        if holder.account.app is not None:
            self._by_installation.pop(holder.account.app.installation_id, None)
        if account.app is not None:
            self._by_installation[account.app.installation_id] = holder
        holder.account = account

    def _own(self, holder: Holder, credential: str) -> None:
        self._by_credential[credential] = holder
        holder.credentials.add(credential)


def _crowd(crowd: Crowd) -> list[Account]:
    return [
        Account(
            login=crowd.login.replace("{n}", str(number)),
            credentials=(crowd.credential.replace("{n}", str(number)),),
            plan=crowd.plan,
        )
        for number in range(1, crowd.count + 1)
    ]
