"""The workflow on the vendor's own state machine, in one process, with no server and no broker."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from resonate.connections import LocalConnection
from resonate.resonate import Resonate

from system_under_test.publisher import PublishFailed
from system_under_test.steps import StepRetries, StepTools, TransientError, TransientErrors
from system_under_test.workflow import workflow


class World:
    """A store that needs some batches, and a broker that fails as often as told."""

    def __init__(self, batches: int = 3, publish_failures: int = 0) -> None:
        self.batches = batches
        self.deletes: list[tuple[str, int]] = []
        self.published: list[tuple[str, bytes | None, bytes | None, dict[str, bytes]]] = []
        self._publish_failures = publish_failures

    def delete_batch(self, record_id: str, size: int) -> bool:
        self.deletes.append((record_id, size))
        return len(self.deletes) < self.batches

    async def publish(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        if self._publish_failures:
            self._publish_failures -= 1
            raise PublishFailed("timed out")
        self.published.append((topic, key, value, dict(headers)))


def delete_record(world: World, error_rate: float = 0.0) -> None:
    async def run() -> None:
        link = LocalConnection(tick_interval=0.01)
        client = Resonate(network=link, retry_policy=StepRetries(0.001, 0.01), env={})
        client.register(workflow)
        with ThreadPoolExecutor(1) as threads:
            client.with_dependency(
                StepTools(
                    store=world,
                    threads=threads,
                    publisher=world,
                    output_topic="out",
                    batch_size=10,
                    sleep_between_batches=timedelta(milliseconds=5),
                    transient_errors=TransientErrors(error_rate, random.Random(1)),
                )
            )
            async with asyncio.timeout(20):
                await client.rpc("a%3Ab", workflow, "a:b", 17).result()
            await client.stop()

    asyncio.run(run())


def test_batches_are_deleted_until_none_are_left_then_the_completion_is_published() -> None:
    world = World(batches=3)
    delete_record(world)
    assert world.deletes == [("a:b", 10)] * 3
    ((topic, key, value, headers),) = world.published
    assert (topic, key) == ("out", b"a:b")
    assert json.loads(value or b"") == ["a:b", 17]
    # Three batches and two sleeps come before it, so it is the sixth promise below the workflow's.
    assert headers == {"promise_id": b"a%3Ab:6"}


def test_a_transient_error_strikes_before_anything_is_deleted_and_only_its_step_retries() -> None:
    world = World(batches=4)
    delete_record(world, error_rate=0.5)
    assert len(world.deletes) == 4
    assert len(world.published) == 1


def test_a_publish_that_fails_is_tried_again_and_no_batch_with_it() -> None:
    world = World(batches=2, publish_failures=3)
    delete_record(world)
    assert len(world.deletes) == 2
    assert len(world.published) == 1


def test_step_retries_wait_ever_longer_and_never_end() -> None:
    policy = StepRetries(delay_s=0.5, max_delay_s=3)
    assert [policy.next(attempt) for attempt in range(1, 6)] == [0.5, 1, 2, 3, 3]
    assert policy.next(1_000_000) == 3


def test_transient_errors_of_one_seed_strike_alike() -> None:
    def strikes(seed: int) -> list[bool]:
        errors = TransientErrors(0.25, random.Random(seed))
        return [_struck(errors) for _ in range(200)]

    assert strikes(7) == strikes(7)
    assert strikes(7) != strikes(8)
    assert 20 < sum(strikes(7)) < 80


def test_no_transient_error_strikes_unless_asked_for() -> None:
    TransientErrors(0.0, random.Random(1)).strike()
    with pytest.raises(TransientError):
        TransientErrors(1.0, random.Random(1)).strike()


def _struck(errors: TransientErrors) -> bool:
    try:
        errors.strike()
    except TransientError:
        return True
    return False
