"""A step runs to completion, even if its caller is cancelled."""

import asyncio

import anyio
import pytest

from boooply.store.completion import run_to_completion


async def test_it_returns_the_result() -> None:
    async def step() -> int:
        return 7

    assert await run_to_completion(step()) == 7


async def test_it_raises_the_steps_own_error() -> None:
    async def step() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_to_completion(step())


@pytest.mark.parametrize("fails", [False, True])
async def test_a_step_is_finished_before_the_cancellation_is_raised(fails: bool) -> None:
    began, finished = asyncio.Event(), []

    async def step() -> None:
        began.set()
        await asyncio.sleep(0.05)
        finished.append(1)
        if fails:
            raise ZeroDivisionError

    running = asyncio.create_task(run_to_completion(step()))
    await began.wait()
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert finished == [1]


async def test_a_cancel_scope_of_anyio_ends_as_usual_after_the_step() -> None:
    finished = []

    async def step() -> None:
        await asyncio.sleep(0.1)
        finished.append(1)

    with anyio.move_on_after(0.02) as scope:
        await run_to_completion(step())
    assert (scope.cancelled_caught, finished) == (True, [1])
