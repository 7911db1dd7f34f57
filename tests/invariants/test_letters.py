"""What a dead letter must say, and that it comes before the commit."""

import pytest

from harness.invariants.poison import every_poison_record_is_dead_lettered_with_its_reason
from harness.invariants.verdict import Verdict
from harness.journal.format import Event
from harness.schedule.schedule import Publish, Schedule
from tests.invariants import building as b

NAMED = b.event("named", 0.0, tag="t", topics={"input": "in"}, record_ids={})
NOT_JSON, BIG = "value that is not JSON", "value of 1 MB"
KEY = "t-poison"


def run_of(*poison: str) -> Schedule:
    return Schedule(records=(), load=tuple(Publish(poison=one) for one in poison))


def letter(offset: int = 0, headers: dict[str, str] | None = None, **facts: str | None) -> Event:
    made = b.dead_letter(0.5, offset, **(headers or {}))
    return b.event("seen.dead_letter", 50.0, **{**made.facts, "key": KEY, **facts})


def judged(*parts: b.Events | Event, of: tuple[str, ...] = (NOT_JSON,)) -> Verdict:
    load = [b.published(index, index=index) for index in range(len(of))]
    run = b.history(NAMED, load, *parts, b.drained(), of=run_of(*of))
    return every_poison_record_is_dead_lettered_with_its_reason(run)


def test_holds_for_the_poison_itself_and_in_journals_without_values() -> None:
    b.assert_holds(judged(letter(value="{record_id:")), checked=1)
    b.assert_holds(judged(letter()), checked=1)


@pytest.mark.parametrize("key", [None, "", "another"])
def test_flags_another_key(key: str | None) -> None:
    b.assert_violated(judged(letter(key=key, value="{record_id:")), "has the key")


@pytest.mark.parametrize("value", ["", "{", "another"])
def test_flags_another_value_also_one_that_is_cut_in_silence(value: str) -> None:
    b.assert_violated(judged(letter(value=value)), "has the value")


def test_a_value_that_is_not_utf_8_is_compared_as_text() -> None:
    one = "value that is not UTF-8"
    b.assert_holds(judged(letter(value="\\xff\\xfe\0"), of=(one,)))
    b.assert_violated(judged(letter(value="\\xff"), of=(one,)), "has the value")


def test_no_value_stays_none() -> None:
    b.assert_holds(judged(letter(key="", value=None), of=("empty key",)))
    b.assert_violated(judged(letter(key="", value="x"), of=("empty key",)), "has the value")


def test_flags_values_that_are_dropped_one_or_all() -> None:
    both = (NOT_JSON, "value of another shape")
    one = [letter(value="{record_id:"), letter(1, value=None)]
    b.assert_violated(judged(one, of=both), "has the value None")
    b.assert_violated(judged(letter(value=None), letter(1, value=None), of=both), "has the value")


@pytest.mark.parametrize("header", ["value_sha256", "value_size", "truncated"])
def test_a_value_may_be_cut_if_the_headers_say_so(header: str) -> None:
    def cut(value: str) -> Verdict:
        return judged(letter(0, {header: "1"}, value=value), of=(BIG,))

    b.assert_holds(cut("x" * 1024))
    for too_short in ("", "x", "x" * 1023):
        b.assert_violated(cut(too_short), "has the value")
    b.assert_violated(cut("y" * 1024), "has the value")


def test_flags_another_topic_of_origin() -> None:
    b.assert_violated(
        judged(letter(0, {"origin_topic": "elsewhere"})), "elsewhere, and not from in"
    )


def test_three_kinds_of_poison_do_not_have_one_reason() -> None:
    kinds = (NOT_JSON, "value of another shape", "value of another record")
    same = [letter(offset) for offset in range(3)]
    b.assert_violated(judged(same, of=kinds), "one and the same reason")
    b.assert_holds(judged(same[:2], letter(2, {"reason": "another"}), of=kinds))
    b.assert_holds(judged(same[:2], of=kinds[:2]))
    b.assert_holds(judged(same, of=(NOT_JSON,) * 3))


def test_one_kind_of_poison_has_one_reason_wherever_it_stands() -> None:
    def twice(first: str, second: str) -> Verdict:
        letters = [letter(0, {"reason": first}), letter(1, {"reason": second})]
        return judged(letters, of=(NOT_JSON, NOT_JSON))

    b.assert_holds(twice("not JSON at offset 0", "not JSON at offset 17"))
    b.assert_violated(twice("not JSON", "no key"), "2 different reasons", "no key")


def sent(at: float, next_offset: int = 1, by: str = b.W1) -> Event:
    return b.reach("offset.commit.sent", at, by, offsets=[[0, next_offset]])


def accepted(at: float, key: str | None = KEY, by: str = b.W1) -> Event:
    return b.reach("dead_letter.accepted", at, by, key=key, partition=0, offset=0)


def test_the_dead_letter_is_accepted_before_the_commit_is_sent() -> None:
    b.assert_holds(judged(letter(), accepted(0.5), sent(0.6, by=b.W2)))
    b.assert_holds(judged(letter(), sent(0.4, next_offset=0)))
    for early in ([sent(0.6)], [sent(0.4), accepted(0.5)], [accepted(0.5, "other"), sent(0.6)]):
        b.assert_violated(judged(letter(), early), "before its dead letter was accepted")


def test_each_poison_of_one_key_needs_a_dead_letter_of_its_own() -> None:
    letters = [letter(0), letter(1)]
    twice = (NOT_JSON, NOT_JSON)
    one = [accepted(0.5), sent(0.6, next_offset=2)]
    b.assert_violated(judged(letters, one, of=twice), "with 1 of its key set aside")
    b.assert_holds(judged(letters, one, accepted(0.55), of=twice))


def test_poison_without_a_key_too() -> None:
    none = letter(key=None)
    b.assert_holds(judged(none, accepted(0.5, None), sent(0.6), of=("no key",)))
    b.assert_violated(judged(none, sent(0.6), of=("no key",)), "before its dead letter")


def test_poison_that_was_begun_under_a_safe_id_needs_none() -> None:
    nul = ("key with NUL",)
    done = b.completion(1.0, key="t-nul\0")
    b.assert_holds(judged(b.root("safe", about="t-nul\0"), done, sent(0.6), of=nul))
    b.assert_violated(judged(done, sent(0.6), of=nul), "before its dead letter")
