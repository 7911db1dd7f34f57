"""Record ids: whatever they are made of, each is one record's and nothing else.

Ids that differ in one character, in case, in blanks, in leading noughts or in how a letter is
composed; very long ones; ids with what is special in a URL, a statement, a pattern, a template or a
promise id.

Expect: every record completes, and its own rows go.
Deny: a record taken for another, because something on the way was tidied, cut, folded or spelt out.
"""

import pytest

from harness import Publish, Record, Schedule
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "record ids are kept apart, whatever they are made of"
AT_STAKE = (
    "no_offset_is_committed_before_its_promise_exists",
    "one_completion_per_record_id",
    "every_effect_belongs_to_a_step",
    "rows_go_once_and_wholly",
    "every_record_completes",
)
# Ids that a careless encoding, comparison or limit would take for one another.
ALIKE = tuple(
    Record(name=name, rows=rows)
    for rows, name in enumerate(
        (
            "Look-Alike",
            "look-alike",
            "a:b",
            "a-b",
            "a_b",
            "a.b",
            "a/b",
            "ab",
            "a%3Ab",
            "é" * 40 + "1",
            "é" * 40 + "2",
            "x" * 900 + "1",
            "x" * 900 + "2",
            "\u2028",
            "7",
            "007",
            "\u0667",
            "x",
            "x ",
            "\u00e9",
            "e\u0301",
            "a+b",
            "a b",
            "a  b",
            "a b\n",
            "o'brien",
            "o' OR '1'='1",
            'a"b',
            "a\\b",
            "{0}",
            "$1",
        )
    )
)
LOOK_ALIKES = Schedule(records=ALIKE, load=tuple(Publish(record=record.name) for record in ALIKE))
# The case of an id is all that tells its rows from another's, which are looked at later.
OTHER_CASE = Schedule(
    records=(Record(name="Look-Alike", rows=1), Record(name="look-alike", rows=3)),
    load=(
        Publish(record="Look-Alike"),
        Publish(record="look-alike", after_completion_of="Look-Alike"),
    ),
)
# An id that says which rows go, where it becomes part of a statement.
SPELLED = Schedule(
    records=(Record(name="o' OR '1'='1", rows=2), Record(name="one", rows=4)),
    load=(
        Publish(record="o' OR '1'='1"),
        Publish(record="one", after_completion_of="o' OR '1'='1"),
    ),
)


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(LOOK_ALIKES, id="look-alikes"),
        pytest.param(OTHER_CASE, id="other case"),
        pytest.param(SPELLED, id="part of a statement"),
    ],
)
def test_each_record_is_one(prover: Prover, schedule: Schedule) -> None:
    prover.prove(schedule, at_stake=AT_STAKE)


@pytest.mark.mutant
@pytest.mark.parametrize("mutant", ["tidies_the_key", "cuts_long_ids"])
def test_catches_a_worker_that_takes_look_alikes_for_one(prover: Prover, mutant: str) -> None:
    prover.catch(LOOK_ALIKES, named(mutant))


@pytest.mark.mutant
def test_catches_a_worker_that_compares_ids_by_like(prover: Prover) -> None:
    prover.catch(OTHER_CASE, named("compares_ids_by_like"))


@pytest.mark.mutant
def test_catches_a_worker_that_spells_them_into_a_statement(prover: Prover) -> None:
    prover.catch(SPELLED, named("spells_its_sql"))
