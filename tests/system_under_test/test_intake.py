"""A delivery ends as a promise or as a dead letter, or its partition is taken away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest
from resonate.error import InvalidIdError, ServerError
from resonate.retry import NoBackoff

from system_under_test.dead_letters import MAX_PART_BYTES, dead_letter_of
from system_under_test.intake import Intake
from system_under_test.progress import Delivery, Partition

type Published = tuple[str, bytes | None, bytes | None, dict[str, bytes]]


class World:
    """A promise server and a broker that fail as they are told, then work."""

    def __init__(
        self, start_fails: Sequence[Exception] = (), publish_fails: Sequence[Exception] = ()
    ) -> None:
        self.started: list[tuple[str, str, int]] = []
        self.published: list[Published] = []
        self.naps = 0
        self.abandon: Delivery | None = None
        self._start_fails = list(start_fails)
        self._publish_fails = list(publish_fails)

    async def start(self, promise_id: str, record_id: str, offset: int) -> None:
        if self._start_fails:
            raise self._start_fails.pop(0)
        self.started.append((promise_id, record_id, offset))

    async def publish(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        if self._publish_fails:
            raise self._publish_fails.pop(0)
        self.published.append((topic, key, value, dict(headers)))

    async def nap(self, _seconds: float) -> None:
        self.naps += 1
        if self.abandon is not None:
            self.abandon.abandoned = True

    def take_in(self, delivery: Delivery) -> bool:
        intake = Intake(self.start, self, "dead", NoBackoff(), self.nap)
        return asyncio.run(intake.take_in(delivery))


def delivery_of(key: bytes | None, value: bytes | None = None) -> Delivery:
    return Delivery(Partition("in", 2), 17, key, value)


def test_a_record_is_started_under_its_promise_id() -> None:
    world = World()
    assert world.take_in(delivery_of(b"a:b"))
    assert world.started == [("a%3Ab", "a:b", 17)]
    assert world.published == []


def test_a_start_that_fails_is_tried_until_the_server_has_it() -> None:
    troubles = [
        ConnectionError("down"),
        ServerError(500, "oops"),
        ServerError(401, "who are you"),
        TimeoutError(),
    ]
    world = World(start_fails=troubles)
    assert world.take_in(delivery_of(b"a"))
    assert world.naps == 4
    assert world.started == [("a", "a", 17)]
    assert world.published == []


def test_a_server_that_does_not_fit_is_waited_for_and_no_record_is_set_aside() -> None:
    world = World(start_fails=[ServerError(400, "unknown field")] * 5)
    assert world.take_in(delivery_of(b"a"))
    assert world.naps == 5
    assert world.started == [("a", "a", 17)]
    assert world.published == []


def test_a_server_that_does_not_fit_is_an_error_that_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(start_fails=[ServerError(400, "unknown field"), ServerError(500, "oops")])
    with caplog.at_level(logging.WARNING):
        assert world.take_in(delivery_of(b"a"))
    unfit, other = caplog.records
    assert (unfit.levelno, other.levelno) == (logging.ERROR, logging.WARNING)
    assert "unknown field" in unfit.getMessage()
    assert "do not fit each other" in unfit.getMessage()
    assert "versions" in unfit.getMessage()
    assert "versions" not in other.getMessage()


def test_a_record_of_an_unfit_server_goes_unconfirmed_when_it_is_taken_away() -> None:
    world = World(start_fails=[ServerError(400, "unknown field")] * 9)
    delivery = delivery_of(b"a")
    world.abandon = delivery
    assert not world.take_in(delivery)
    assert world.published == []


def test_an_id_that_the_sdk_itself_refuses_is_poison() -> None:
    world = World(start_fails=[InvalidIdError("a", "id must not be so")])
    assert world.take_in(delivery_of(b"a"))
    ((topic, key, _value, headers),) = world.published
    assert (topic, key) == ("dead", b"a")
    assert headers["reason"] == b"key makes no promise id: id must not be so"
    assert world.naps == 0


def test_poison_is_set_aside_with_reason_and_origin() -> None:
    world = World()
    assert world.take_in(delivery_of(None, b"x"))
    assert world.published == [
        (
            "dead",
            None,
            b"x",
            {
                "reason": b"key is missing",
                "origin_topic": b"in",
                "origin_partition": b"2",
                "origin_offset": b"17",
            },
        )
    ]
    assert world.started == []


def test_a_dead_letter_is_tried_until_it_is_accepted() -> None:
    world = World(publish_fails=[ConnectionError("down"), ConnectionError("down")])
    assert world.take_in(delivery_of(b""))
    assert len(world.published) == 1


def test_a_delivery_that_was_taken_away_is_not_tried_any_longer() -> None:
    world = World(start_fails=[ConnectionError("down")] * 9)
    delivery = delivery_of(b"a")
    world.abandon = delivery
    assert not world.take_in(delivery)
    assert world.naps == 1


def test_a_dead_letter_of_a_megabyte_is_cut_and_says_so() -> None:
    letter = dead_letter_of(delivery_of(b"k" * 1_000_000, b"v" * 1_000_000), "key is too long")
    headers = dict(letter.headers)
    assert letter.key == b"k" * MAX_PART_BYTES
    assert letter.value == b"v" * MAX_PART_BYTES
    assert headers["key_size"] == headers["value_size"] == b"1000000"
    assert len(headers["value_sha256"]) == 64


def test_a_dead_letter_that_fits_is_not_touched() -> None:
    letter = dead_letter_of(delivery_of(b"", b"v" * MAX_PART_BYTES), "key is empty")
    assert (letter.key, letter.value) == (b"", b"v" * MAX_PART_BYTES)
    assert {name for name, _ in letter.headers} == {
        "reason",
        "origin_topic",
        "origin_partition",
        "origin_offset",
    }
