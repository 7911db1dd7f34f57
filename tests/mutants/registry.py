"""All mutants, each with the invariant that must call it violated.

Read by the scenarios, by the test that demands it of each, and by the figures of detection.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A worker that must be caught. `breaks` are the invariants that must call it violated.

    `window` names the checkpoints between which the fault of its scenario falls; it is empty where
    that needs none, or may fall anywhere. `rare` is why a search may look for long.
    """

    name: str
    breaks: tuple[str, ...]
    window: str = ""
    rare: str = ""

    @property
    def command(self) -> str:
        """What `--worker` is given."""
        return f"python -m tests.mutants.{self.name}"


MUTANTS: tuple[Mutant, ...] = (
    Mutant("batches_are_not_steps", ("every_effect_belongs_to_a_step",)),
    Mutant("forgets_finished_steps", ("no_finished_step_runs_again",)),
    Mutant("restarts_on_an_error", ("only_the_failing_step_retries",)),
    Mutant("fresh_id_a_delivery", ("one_workflow_per_record_id", "one_completion_per_record_id")),
    Mutant(
        "fresh_id_a_redelivery",
        ("one_workflow_per_record_id",),
        "workflow.begin.confirmed .. offset.commit.confirmed",
    ),
    Mutant(
        "hashes_the_record_id",
        ("one_workflow_per_record_id",),
        "workflow.begin.confirmed .. offset.commit.confirmed",
    ),
    Mutant(
        "keeps_ids_on_its_disk",
        ("one_workflow_per_record_id",),
        "workflow.begin.confirmed .. offset.commit.confirmed",
    ),
    Mutant(
        "generation_in_the_id",
        ("one_workflow_per_record_id",),
        "record.polled .. rebalance.revoked .. record.polled",
    ),
    Mutant("awaits_each_workflow", ("fast_records_overtake_slow_ones",)),
    Mutant("alone_in_its_own_group", ("another_worker_takes_over",)),
    Mutant(
        "rewinds_at_a_rebalance",
        ("no_offset_is_committed_before_its_promise_exists",),
    ),
    Mutant(
        "forgets_what_it_keeps",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. rebalance.revoked .. workflow.begin.confirmed",
        "one of two partitions has to go while a start of the other waits, and what follows it not",
    ),
    Mutant("pages_by_row_id", ("rows_go_once_and_wholly",)),
    Mutant(
        "spells_its_sql",
        ("every_effect_belongs_to_a_step",),
        rare="no drawn record id has a quote in it",
    ),
    Mutant(
        "stops_after_twenty_batches",
        ("rows_go_once_and_wholly",),
        rare="no drawn record has more than twelve batches",
    ),
    Mutant("vanishes_from_its_group", ("workers_stop_when_asked",)),
    Mutant("publishes_outside_a_step", ("every_effect_belongs_to_a_step",)),
    Mutant("publishes_from_an_outbox_too", ("every_effect_belongs_to_a_step",)),
    Mutant(
        "publish_does_not_wait",
        ("every_record_completes",),
        "step.settle.confirmed .. publish.accepted",
    ),
    Mutant(
        "marks_published_first", ("every_record_completes",), "publish.sent .. publish.accepted"
    ),
    Mutant(
        "signs_a_retry_differently",
        ("one_completion_per_record_id",),
        "publish.accepted .. step.settle.confirmed",
    ),
    Mutant(
        "logs_a_failed_publish",
        ("every_record_completes",),
        "publish.sent .. publish.accepted",
    ),
    Mutant(
        "flushes_for_ten_seconds",
        ("every_effect_belongs_to_a_step",),
        "publish.sent .. publish.accepted",
        "a cut of more than ten seconds is longer than any that is drawn",
    ),
    Mutant(
        "gives_a_publish_up",
        ("one_completion_per_record_id",),
        "publish.sent .. publish.accepted",
    ),
    Mutant("sleeps_in_its_process", ("no_sleep_ends_early",)),
    Mutant(
        "catches_up_after_a_crash",
        ("no_sleep_ends_early",),
        "step.started .. step.settle.confirmed",
    ),
    Mutant("takes_a_redirect_for_a_failure", ("every_record_completes",)),
    Mutant(
        "auto_commit",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. workflow.begin.confirmed",
    ),
    Mutant(
        "commits_without_waiting",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. workflow.begin.confirmed",
    ),
    Mutant(
        "swallows_the_exception",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. workflow.begin.confirmed",
    ),
    Mutant(
        "commits_on_revoke",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. workflow.begin.confirmed",
    ),
    Mutant(
        "commits_the_highest",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. workflow.begin.confirmed",
    ),
    Mutant(
        "keeps_what_was_revoked",
        ("every_workflow_and_offset_is_settled",),
        "record.polled .. rebalance.revoked .. workflow.begin.confirmed",
    ),
    Mutant("never_resumes", ("every_record_completes",)),
    Mutant(
        "skips_what_it_was_handed",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. workflow.begin.confirmed",
        "one process has to lose a partition and get it back, all while the promise server is away",
    ),
    Mutant(
        "skips_what_it_has_in_hand",
        ("no_offset_is_committed_before_its_promise_exists",),
        "record.polled .. workflow.begin.confirmed",
    ),
    Mutant("reads_from_the_beginning", ("no_offset_is_committed_before_its_promise_exists",)),
    Mutant("counts_offsets", ("every_workflow_and_offset_is_settled",)),
    Mutant(
        "keeps_the_slots_of_the_abandoned",
        ("every_workflow_and_offset_is_settled",),
        "record.polled .. workflow.begin.confirmed",
        "a partition has to go while as many starts wait for the promise server as may",
    ),
    Mutant("opens_its_stream_once", ("every_record_completes",)),
    Mutant("tidies_the_key", ("every_record_completes",)),
    Mutant("cuts_long_ids", ("every_record_completes",)),
    Mutant(
        "gives_the_record_up",
        ("every_poison_record_is_dead_lettered_with_its_reason",),
        "record.polled .. workflow.begin.confirmed",
    ),
    Mutant("never_closes_its_breaker", ("every_record_completes",)),
    Mutant("short_lifetime", ("every_workflow_and_offset_is_settled",)),
    Mutant("plain_heartbeat", ("only_the_failing_step_retries",)),
    Mutant(
        "dies_of_poison",
        ("every_poison_record_is_dead_lettered_with_its_reason", "no_worker_died_unasked"),
    ),
    Mutant("keeps_the_slots_of_poison", ("every_record_completes",)),
    Mutant("knows_only_value_errors", ("every_poison_record_is_dead_lettered_with_its_reason",)),
    Mutant("gives_the_last_reason", ("every_poison_record_is_dead_lettered_with_its_reason",)),
    Mutant("abridges_its_letters", ("every_poison_record_is_dead_lettered_with_its_reason",)),
    Mutant(
        "names_the_first_partition",
        ("every_poison_record_is_dead_lettered_with_its_reason",),
    ),
    Mutant("skips_poison_silently", ("every_poison_record_is_dead_lettered_with_its_reason",)),
    Mutant(
        "logs_a_failed_letter",
        ("every_poison_record_is_dead_lettered_with_its_reason",),
        "record.polled .. dead_letter.accepted",
        "a long cut has to begin in the milliseconds between the poison and its letter",
    ),
    Mutant(
        "marks_poison_before_its_letter",
        ("every_poison_record_is_dead_lettered_with_its_reason",),
        "record.polled .. dead_letter.accepted",
    ),
    Mutant(
        "settles_without_its_lease",
        ("a_lost_lease_records_nothing",),
        "task.acquired .. step.settle.confirmed",
    ),
    Mutant(
        "signs_with_its_newest_lease",
        ("a_lost_lease_records_nothing",),
        "step.started .. step.settle.sent",
    ),
    Mutant(
        "beats_until_one_fails",
        ("only_the_failing_step_retries",),
        rare="a cut has to be long enough for a beat and too short for the lease, a lock longer",
    ),
    Mutant(
        "trusts_its_last_heartbeat",
        ("a_lost_lease_records_nothing",),
        "step.started .. step.settle.sent",
    ),
    Mutant(
        "drops_its_next_lease",
        ("only_the_failing_step_retries",),
        "step.effect_done .. step.settle.sent",
        "a pause longer than the lease at one of two checkpoints, no other worker that takes the "
        "task up, and a lock longer than the lease at the very next start of that step: few "
        "drawn schedules have all of it",
    ),
    Mutant(
        "takes_a_database_error_for_no_rows",
        ("rows_go_once_and_wholly",),
        "step.started .. step.effect_done",
    ),
    Mutant("deletes_one_row_too_many", ("rows_go_once_and_wholly",)),
    Mutant("puts_rows_aside", ("rows_go_once_and_wholly",)),
    Mutant("compares_ids_by_like", ("every_effect_belongs_to_a_step",)),
    Mutant("leaks_its_permits", ("every_record_completes",)),
    Mutant(
        "gives_a_step_up_after_two_crashes",
        ("rows_go_once_and_wholly",),
        "step.started .. step.settle.confirmed",
        "two lives have to be killed in the same step of one record, which is not its last",
    ),
    Mutant(
        "takes_work_until_it_leaves",
        ("workers_stop_when_asked",),
        "step.started .. step.settle.confirmed",
    ),
    Mutant(
        "leaves_in_the_middle_of_a_step",
        ("workers_stop_when_asked",),
        "step.started .. step.settle.confirmed",
    ),
    Mutant(
        "stops_beating_first",
        ("workers_stop_when_asked",),
        "step.started .. step.settle.confirmed",
    ),
    Mutant(
        "is_not_idempotent",
        ("one_completion_per_record_id",),
        "publish.sent .. publish.accepted",
        "the link has to be cut while the broker's answer to a completion is on its way",
    ),
    Mutant(
        "trusts_an_interrupted_recovery",
        ("every_record_completes",),
        "task.acquired .. sleep.suspended",
    ),
)


def named(name: str) -> Mutant:
    """The mutant of this name; KeyError if there is none."""
    return {mutant.name: mutant for mutant in MUTANTS}[name]
