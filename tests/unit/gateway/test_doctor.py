"""What the examination of an account says where a step fails."""

import pytest

from gateway.doctor import TO_REACH, Doctor, Step
from gateway.domain.errors import GatewayError
from gateway.domain.groups import GroupAccount
from gateway.domain.unreachable import Reason, UpstreamUnreachable
from gateway.ports.upstream import UpstreamReply, UpstreamRequest
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import FakeTokens
from tests.fakes.upstream import FakeReply, FakeUpstream
from tests.unit.test_docs import DOCS, first_cells, section

pytestmark = pytest.mark.anyio


class Failing(FakeUpstream):
    """An upstream that no request reaches, or that fails."""

    def __init__(self, outcome: GatewayError | FakeReply) -> None:
        self._outcome = outcome

    async def open(self, request: UpstreamRequest) -> UpstreamReply:
        if isinstance(self._outcome, GatewayError):
            raise self._outcome
        return self._outcome


async def last_step(outcome: GatewayError | FakeReply) -> Step:
    doctor = Doctor(FakeTokens("https://api.example"), Failing(outcome), FakeClock())
    steps = [each async for each in doctor.examine(GroupAccount("seat-1"), None, True)]
    assert [step.is_good for step in steps] == [True, False]
    return steps[-1]


@pytest.mark.parametrize("reason", Reason)
async def test_it_names_the_reason_and_what_to_do(reason: Reason) -> None:
    step = await last_step(UpstreamUnreachable(reason))
    assert step.name == "host and models"
    assert step.text == f"upstream_unavailable: {reason.value}\n  {TO_REACH[reason]}"


async def test_an_upstream_that_answers_with_an_error_is_reached() -> None:
    step = await last_step(FakeReply(500, (b"oh no",)))
    assert step.text.startswith("upstream_unavailable: Upstream failed.")
    assert not any(advice in step.text for advice in TO_REACH.values())


def test_every_reason_is_documented_and_every_documented_one_exists() -> None:
    text = section(DOCS / "operations.md", "When upstream cannot be reached")
    assert first_cells(text) == {"reason"} | {reason.value for reason in Reason}
