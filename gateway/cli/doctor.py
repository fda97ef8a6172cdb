"""`python -m gateway doctor`: prints what the examination of an account finds, step by step."""

from collections.abc import AsyncIterator

from gateway.doctor import Step


async def print_steps(account: str, steps: AsyncIterator[Step]) -> bool:
    """Print each step as it comes; whether all were good."""
    print(f"account {account}")
    is_good = True
    async for step in steps:
        print(f"{'ok    ' if step.is_good else 'FAILED'} {step.name}: {step.text}", flush=True)
        is_good = is_good and step.is_good
    return is_good
