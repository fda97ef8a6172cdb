"""`GET /copilot_internal/v2/token` (§3), and the two pages about users (§4.1)."""

from simulator.endpoints.question import Question
from simulator.state.accounts import Holder
from simulator.state.tokens import Minted
from simulator.state.world import MAIN, World
from simulator.wire.answer import Answer, as_json
from simulator.wire.exchange_body import Grant, exchange_body, sku_of
from simulator.wire.github_refusals import (
    Refused,
    bad_credentials,
    not_found,
    refusal_of,
    requires_authentication,
    wrong_kind,
)
from simulator.wire.token_string import TokenFacts, write_token
from simulator.wire.user_body import github_user_body, reset_time, user_body


def exchange(world: World, question: Question) -> Answer:
    """A fresh token, or why there is none (§3.4)."""
    holder = _holder(question)
    if isinstance(holder, Answer):
        return holder
    world.note_issued(question.secret or "")
    refusal = _kind_refusal(question.secret or "", holder) or refusal_of(
        holder.account.seat, Refused(holder.account.login, world.clock.now())
    )
    if refusal is not None:
        return refusal
    return _mint(world, question, holder)


def user_info(world: World, question: Question) -> Answer:
    """The account's plan and quotas; only for credentials that can be exchanged (§4.1)."""
    holder = _holder(question)
    if isinstance(holder, Answer):
        return holder
    refusal = _kind_refusal(question.secret or "", holder)
    if refusal is not None:
        return refusal
    api_url = _api_url(world, question, holder)
    return as_json(user_body(holder.account, holder.used_credits, api_url, world.clock.now()))


def user(world: World, question: Question) -> Answer:
    """`GET /user`: whose credential this is."""
    holder = _holder(question)
    return holder if isinstance(holder, Answer) else as_json(github_user_body(holder.account))


def _holder(question: Question) -> Holder | Answer:
    if question.secret is None:
        return requires_authentication()
    return question.holder or bad_credentials()


def _kind_refusal(credential: str, holder: Holder) -> Answer | None:
    """The kinds that are not for the exchange (§2.4). That a classic token is answered like a
    fine-grained one is invented: only what the inference API says to it is recorded."""
    if credential.startswith("gho_") and not holder.account.gho_exchanges:
        return not_found()
    if credential.startswith(("github_pat_", "ghp_")):
        return wrong_kind("personal access token")
    return wrong_kind() if credential.startswith("ghs_") else None


def _mint(world: World, question: Question, holder: Holder) -> Answer:
    account = holder.account
    life = account.token or world.scenario.token
    true_expiry = world.clock.now() + life.life_seconds
    facts = TokenFacts(
        token_id=world.hex(32),
        organizations=account.organizations,
        expires_at=world.clock.exp(true_expiry),
        sku=sku_of(account),
        plan=account.plan.value,
        client_ip=question.request.client_ip,
    )
    token = write_token(facts, world.tokens.key)
    world.tokens.add(token, Minted(account.login, true_expiry, world.home_of(holder)))
    world.note_issued(token)
    holder.exchanges += 1
    grant = Grant(
        token=token,
        expires_at=world.clock.expires_at(true_expiry),
        refresh_in=life.refresh_in,
        api_url=_api_url(world, question, holder),
        tracking_id=world.hex(32),
    )
    reset_at = int(reset_time(world.clock.now()).timestamp())
    return as_json(exchange_body(account, grant, reset_at))


def _api_url(world: World, question: Question, holder: Holder) -> str:
    """Where the account's token is to be used (§5.1)."""
    if holder.account.api_url is not None:
        return holder.account.api_url
    home = world.home_of(holder)
    return question.request.base_url if home == MAIN else world.hosts[home]
