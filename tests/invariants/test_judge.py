"""What all invariants say together, and how verdicts read."""

import msgspec
import pytest

from harness.errors import HarnessError
from harness.history import History
from harness.invariants import INVARIANTS, Witness, judge
from harness.invariants.judge import Judgement
from harness.invariants.verdict import Verdict
from tests.invariants import building as b

GOOD = b.history(
    b.published(), b.polled(), b.root(settled=3.0), b.begun(), b.commit(), b.acquired(0.9),
    b.step("r:1", 1.0, 1.1), b.deletions([1, 2], 1.05), b.promise("r:1", 0.95, 1.105),
    b.timer("r:2", 1.12, 1.42),
    b.asked("task.suspend", 1.2, id="r", version=1), b.acquired(1.5, version=2),
    b.step("r:3", 1.6, 1.7), b.deletions([3, 4], 1.65), b.promise("r:3", 1.55, 1.705),
    b.step("r:4", 1.8, 1.9), b.publishing("r:4", 1.8), b.completion(1.82, promise_="r:4"),
    b.promise("r:4", 1.75, 1.905), b.drained(), b.stopping(), b.ended(42.0),
)  # fmt: skip


def test_the_numbered_invariants_come_in_the_designs_order() -> None:
    assert [one.number for one in INVARIANTS] == [*range(1, 14), *[None] * 8]
    assert [one.name for one in INVARIANTS][:2] == [
        "no_finished_step_runs_again",
        "one_completion_per_record_id",
    ]
    assert all(one.claim for one in INVARIANTS)


def test_a_calm_run_holds_and_what_was_not_at_stake_is_neutral() -> None:
    judgement = judge(GOOD, expected=("no_sleep_ends_early", "every_record_completes"))
    assert judgement.overall == "holds", judgement.story()
    neutral = {name for name, one in judgement.verdicts.items() if one.outcome == "unknown"}
    assert neutral == {
        "one_workflow_per_record_id",
        "a_lost_lease_records_nothing",
        "every_poison_record_is_dead_lettered_with_its_reason",
        "fast_records_overtake_slow_ones",
        "another_worker_takes_over",
        "the_server_keeps_the_protocol",
        "the_server_remembers_what_it_answered",
    }


def test_that_nobody_knows_of_the_server_is_said() -> None:
    """The requests of these few lines have no shape that a server would read."""
    (remark,) = judge(GOOD).remarks
    assert "whether the server keeps the protocol is not known" in remark
    assert remark in judge(GOOD).story()


def test_a_story_is_no_flood_where_an_id_is_very_long() -> None:
    record = "x" * 900 + "y"
    verdict = Verdict.violated(f"{record} is not complete", [Witness(1.0, "load", record)])
    story = msgspec.structs.replace(judge(GOOD), verdicts={"one": verdict}).story()
    assert "x" * 40 + "..." + "x" * 19 + "y (901 characters) is not complete" in story
    assert story.count("(901 characters)") == 2
    assert record not in story


@pytest.mark.parametrize(("kind", "overall"), [("embedded", "unknown"), ("url", "holds")])
def test_not_to_know_of_the_embedded_server_is_red(kind: str, overall: str) -> None:
    judgement = judge(b.history(list(GOOD.events), b.event("named", 0.0, server_kind=kind)))
    assert judgement.verdicts["the_server_keeps_the_protocol"].outcome == "unknown"
    assert judgement.overall == overall
    assert ("the_server_keeps_the_protocol" in judgement.unproven) is (kind == "embedded")


def test_that_an_embedded_server_was_asked_nothing_is_neutral() -> None:
    named = b.event("named", 0.0, server_kind="embedded")
    assert judge(b.history(named, b.drained())).unproven == ["enough_was_at_stake"]


def test_unknown_is_red_where_it_had_to_be_at_stake() -> None:
    judgement = judge(GOOD, expected=("another_worker_takes_over",))
    assert judgement.overall == "unknown"
    assert judgement.unproven == ["another_worker_takes_over"]
    assert "nobody died" in judgement.story()


def test_that_nothing_was_at_stake_at_all_is_red_whoever_asked() -> None:
    assert judge(b.history(b.drained())).overall == "unknown"
    assert judge(b.history(b.drained())).unproven == ["enough_was_at_stake"]


def test_that_what_would_tell_is_missing_is_red_whoever_asked() -> None:
    """A step of which the final read knows nothing: it may have been recorded before."""
    unread = judge(b.history(list(GOOD.events), b.step("r:99", 5.0, 5.1)))
    assert unread.verdicts["no_finished_step_runs_again"].evidence_missing
    assert unread.unproven == ["no_finished_step_runs_again"]
    assert unread.overall == "unknown"


def test_what_is_owed_is_not_taken_for_what_the_scenario_expected() -> None:
    """Or a replay with another server would demand it too."""
    late = [one for one in GOOD.events if one.kind not in {"drained", "seen.completion"}]
    judgement = judge(b.history(late, b.drained(complete=False, why="out of time")))
    assert "every_record_completes" in judgement.owed
    assert judgement.expected == ()
    assert judgement.to_dict()["owed"] == list(judgement.owed)


def test_violated_is_red_although_nobody_asked() -> None:
    stray = b.history(list(GOOD.events), b.deletion(9, 2.0, "bystander"))
    judgement = judge(stray)
    assert judgement.overall == "violated"
    assert "rows_go_once_and_wholly" in judgement.violated
    assert "bystander" in judgement.story()


def test_refuses_the_name_of_no_invariant() -> None:
    with pytest.raises(HarnessError, match="no invariant is called 'every_record_complets'"):
        judge(GOOD, expected=("every_record_complets",))


def test_a_judgement_is_kept_as_json() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(judge(GOOD, expected=()).to_dict()))
    assert kept["overall"] == "holds"
    assert kept["expected"] == []
    assert kept["verdicts"]["every_record_completes"]["outcome"] == "holds"


def test_a_witness_reads_as_a_line_of_a_story() -> None:
    assert str(Witness(3.2, "w1#1", "died")) == "   3.200 s  w1#1            died"
    assert str(Witness(None, "database", "has rows")).startswith("          ")


def test_of_a_journal_that_is_cut_short_nothing_is_said() -> None:
    """Not even of a run that is red: what would have shown otherwise may be what is missing."""
    stray = [*GOOD.events, b.deletion(9, 2.0, "bystander")]
    cut = [event for event in stray if event.get("phase") != "over"]
    judgement = judge(History.of(b.SCHEDULE, b.TIMING, cut))
    assert judgement.violated == []
    assert judgement.overall == "unknown"
    assert {one.outcome for one in judgement.verdicts.values()} == {"unknown"}
    assert "the_run_was_played_to_its_end" in judgement.unproven
    assert "cut short" in judgement.story()


def test_what_a_worker_forges_counts_for_nothing() -> None:
    forged = [
        b.event("seen.deletion", 2.0, b.W1, sequence=1, record_id="x", row_id=1, at_ms=b.ms(2.0)),
        b.event("phase", 3.0, b.W1, phase="over"),
        b.event("drained", 0.01, b.W1, why="out of time"),
    ]
    assert b.history(list(GOOD.events), forged).events == b.history(list(GOOD.events)).events
    assert judge(b.history(list(GOOD.events), forged)).overall == "holds"


def test_what_may_be_the_cause_of_the_rest_comes_first() -> None:
    names = [one.name for one in INVARIANTS]
    judgement = Judgement(verdicts={name: Verdict.violated("") for name in names}, expected=())
    assert judgement.violated[:3] == [
        "the_server_keeps_the_protocol",
        "the_server_remembers_what_it_answered",
        "no_worker_died_unasked",
    ]
    assert judgement.violated[-1] == "every_poison_record_is_dead_lettered_with_its_reason"
    assert sorted(judgement.violated) == sorted(names)


def test_that_the_server_refuses_heartbeats_is_said() -> None:
    why = "All tasks must belong to the same origin"
    refused = [
        b.asked("task.heartbeat", at, status=400, answer=why, pid="p", tasks=[])
        for at in (1.0, 1.5)
    ]
    remarks = judge(b.history(*refused)).remarks
    assert f"2 heartbeats were refused, the first of w1#1 with 400: {why}" in remarks
    kept = b.asked("task.heartbeat", 1.0, pid="p", tasks=[])
    assert not any("heartbeats" in remark for remark in judge(b.history(kept)).remarks)
