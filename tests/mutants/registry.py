"""All mutants, each with the invariant that must call it violated.

Read by the scenarios and by the test that demands it of each.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A worker that must be caught. `breaks` are the invariants that must call it violated."""

    name: str
    breaks: tuple[str, ...]

    @property
    def command(self) -> str:
        """What `--worker` is given."""
        return f"python -m tests.mutants.{self.name}"


MUTANTS: tuple[Mutant, ...] = (
    Mutant("batches_are_not_steps", ("every_effect_belongs_to_a_step",)),
    Mutant("forgets_finished_steps", ("no_finished_step_runs_again",)),
    Mutant("restarts_on_an_error", ("only_the_failing_step_retries",)),
    Mutant("fresh_id_a_delivery", ("one_workflow_per_record_id", "one_completion_per_record_id")),
    Mutant("awaits_each_workflow", ("fast_records_overtake_slow_ones",)),
    Mutant("alone_in_its_own_group", ("another_worker_takes_over",)),
    Mutant("publishes_outside_a_step", ("every_effect_belongs_to_a_step",)),
    Mutant("publish_does_not_wait", ("every_record_completes",)),
    Mutant("sleeps_in_its_process", ("no_sleep_ends_early",)),
    Mutant("auto_commit", ("no_offset_is_committed_before_its_promise_exists",)),
    Mutant("commits_without_waiting", ("no_offset_is_committed_before_its_promise_exists",)),
    Mutant("swallows_the_exception", ("no_offset_is_committed_before_its_promise_exists",)),
    Mutant("gives_the_record_up", ("every_poison_record_is_dead_lettered_with_its_reason",)),
    Mutant("plain_heartbeat", ("only_the_failing_step_retries",)),
    Mutant("dies_of_poison", ("every_poison_record_is_dead_lettered_with_its_reason",)),
    Mutant("skips_poison_silently", ("every_poison_record_is_dead_lettered_with_its_reason",)),
    Mutant("settles_without_its_lease", ("a_lost_lease_records_nothing",)),
    Mutant("deletes_one_row_too_many", ("rows_go_once_and_wholly",)),
)


def named(name: str) -> Mutant:
    """The mutant of this name; KeyError if there is none."""
    return {mutant.name: mutant for mutant in MUTANTS}[name]
