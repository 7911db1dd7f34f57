"""From events to what an invariant can ask: order, records, the load, attribution to lives."""

import dataclasses

import pytest

from harness.history.facts import place_of, root_of
from harness.history.history import History
from harness.history.moments import MS, after, within
from harness.journal.format import Event
from harness.schedule.schedule import Publish, Record, Schedule
from tests.invariants import building as b


def test_events_are_put_in_order_of_time() -> None:
    late, early = b.event("late", 2.0, by_s=1), b.event("late", 1.0, by_s=2)
    assert b.history(late, early).of_kind("late") == (early, late)


def test_a_history_cannot_be_changed() -> None:
    run = b.history()
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.events = ()  # type: ignore[misc]


def test_the_run_spans_its_events_and_work_ends_with_the_drain() -> None:
    run = b.history(b.drained(40.0), until=60.0)
    assert (run.start_ns, run.end_ns, run.work_ends_ns) == (b.ns(0.0), b.ns(60.0), b.ns(40.0))
    assert run.since_start_s(b.ns(1.5)) == pytest.approx(1.5)
    assert b.history().work_ends_ns == b.ns(60.0)


@pytest.mark.parametrize("why", ["done", "quiet", None])
def test_nothing_more_comes_when_all_was_there_or_nothing_moved(why: str | None) -> None:
    assert b.history(b.drained(why=why)).nothing_more_comes


def test_something_may_still_come_when_the_wait_ran_out_or_never_was() -> None:
    assert not b.history(b.drained(why="out of time", complete=False)).nothing_more_comes
    assert not b.history(b.drained(complete=False)).nothing_more_comes  # nobody wrote down why
    assert not b.history().nothing_more_comes


def test_an_empty_journal_is_a_history_too() -> None:
    run = History.of(b.SCHEDULE, b.TIMING, [])
    assert (run.start_ns, run.end_ns, run.starts, run.published) == (0, 0, (), ())


def test_record_ids_are_those_of_the_run() -> None:
    named = b.event("named", 0.0, tag="t", record_ids={"r": "t-r"})
    run = b.history(named, b.published())
    assert run.records == {"t-r": Record(name="r", rows=4)}
    assert list(run.acknowledged) == ["t-r"]


def test_a_record_whose_publish_failed_is_not_at_stake() -> None:
    assert b.history(b.event("publish.fail", 0.1, index=0, error="no")).records == {}
    info = b.history(b.event("publish.info", 0.1, index=0, error="no report"))
    assert list(info.records) == ["r"]
    assert info.acknowledged == {}


def test_the_first_acknowledged_message_of_a_record_counts() -> None:
    run = b.history(b.published(7), b.published(9, 0.2, index=1), of=b.schedule(messages=2))
    assert run.acknowledged["r"].offset == 7
    assert set(run.published_at) == {(0, 7), (0, 9)}


def test_a_workflow_is_its_arguments_record_whatever_its_own_id() -> None:
    run = b.history(b.root("encoded%3A", about="r"), b.root("stranger", about="nobody's"))
    assert run.record_of_root == {"encoded%3A": "r"}
    assert run.roots_of_record == {"r": ("encoded%3A",)}


def test_a_workflow_without_known_arguments_is_the_record_it_is_named_after() -> None:
    run = b.history(b.promise("r", 0.3), b.promise("r:1", 0.4))
    assert run.record_of_root == {"r": "r"}


@pytest.mark.parametrize("inside", [{"record_id": "r", "offset": 0}, ["r", 0], {"of": ["r"]}])
def test_the_record_id_may_stand_within_an_argument(inside: object) -> None:
    made = b.root().facts | {"id": "wf-1", "arguments": [inside]}
    run = b.history(b.event("seen.promise", 50.0, **made))
    assert run.roots_of_record["r"] == ("wf-1",)


def test_arguments_of_any_shape_are_read() -> None:
    odd = b.root().facts | {"arguments": [{"a": 1}, ["r"], None, "r"]}
    assert b.history(Event(b.ns(50), "harness", "seen.promise", odd)).record_of_root == {"r": "r"}


def test_poison_that_has_a_safe_id_is_known_by_its_key() -> None:
    load = Schedule(records=(), load=(Publish(poison="key with NUL"), Publish(poison="empty key")))
    named = b.event("named", 0.0, tag="t", record_ids={})
    sent = [named, b.published(0), b.published(1, index=1)]
    run = b.history(sent, b.root("safe", about="t-nul\0"), of=load)
    assert list(run.mappable_poison) == ["t-nul\0"]
    assert run.record_of_root == {"safe": "t-nul\0"}


def test_timers_belong_to_their_workflow() -> None:
    run = b.history(b.timer("r:4", 3.0, 4.0), b.timer("r:2", 1.0, 2.0), b.promise("r:1", 0.5))
    assert [timer.id for timer in run.timers_of_root["r"]] == ["r:2", "r:4"]


def test_the_completions_json_is_read_and_what_is_none_stays_none() -> None:
    run = b.history(b.completion(1.0), b.completion(2.0, value="{"))
    assert [one.value for one in run.completions] == [["r", 0], None]


def test_an_open_start_lasts_to_its_process_end_and_a_little_or_to_the_runs() -> None:
    run = b.history(b.started("r:1", 1.0), b.killed(2.0), b.started("r:1", 3.0, b.W2))
    first, second = run.starts
    assert run.latest_end_ns(first) == b.ns(3.0)
    assert run.latest_end_ns(second) == run.end_ns


def test_a_start_belongs_to_the_latest_lease_of_its_own_life() -> None:
    run = b.history(
        b.acquired(1.0), b.acquired(2.0, b.W2, version=2), b.acquired(3.0, version=3),
        b.started("r:1", 2.5), b.started("r:1", 3.5),
    )  # fmt: skip
    assert [lease and lease.version for lease in map(run.lease_of, run.starts)] == [1, 3]
    assert run.lease_of(b.history(b.started("x:1", 1.0)).starts[0]) is None


def test_ids_tell_their_place() -> None:
    assert root_of("r:1.2") == "r"
    assert place_of("r:2") == ("r", 2)
    assert place_of("r:1.3") == ("r:1", 3)
    assert place_of("a.b:2") == ("a.b", 2)


def test_order_is_strict_only_beyond_a_rounding() -> None:
    assert not after(b.ns(1.0) + MS, b.ns(1.0))
    assert after(b.ns(1.0) + 3 * MS, b.ns(1.0))
    assert within(b.ns(1.0) - MS, b.ns(1.0), b.ns(2.0))
    assert not within(b.ns(1.0) - 3 * MS, b.ns(1.0), b.ns(2.0))
