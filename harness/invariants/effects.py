"""Effects: whatever happens outside happens within a step that is running.

* A start whose end was never written may have done something until its process died, and a
  little longer: broker and database finish what they had been sent.
* The broker may take a message that was sent through a link which then went down as soon as the
  link is healed, so a start that failed under such a fault lasts until then.
* A publishing step that ends well before the broker's answer has published outside of itself,
  even if the message arrives in time.
"""

from collections.abc import Iterator

from harness.history.facts import Completion, Start
from harness.history.history import History
from harness.history.moments import AFTER_DEATH_NS, within
from harness.invariants.attribution import deleted_by
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said, started
from harness.journal.format import Event


def every_effect_belongs_to_a_step(history: History) -> Verdict:
    """No rows go and no completion appears outside a step that was running."""
    publishing: list[tuple[Event, Start]] = list(_publishing(history))
    findings = [
        *_stray_deletions(history),
        *_stray_completions(history, publishing),
        *_ended_before_the_broker_answered(history, publishing),
    ]
    return conclude(
        findings,
        checked=len(history.deletions) + len(history.completions),
        at_stake="rows and completions",
        otherwise="no row went and no completion appeared",
    )


def _publishing(history: History) -> Iterator[tuple[Event, Start]]:
    """Each arrival at publish.sent with the start of the step that it falls into."""
    for sent in history.checkpoints("publish.sent"):
        for start in reversed(history.starts_of_record(str(sent.get("key")))):
            if (
                start.incarnation == sent.by
                and start.started_ns <= sent.at <= history.latest_end_ns(start)
            ):
                yield sent, start
                break


def _stray_deletions(history: History) -> Iterator[Finding]:
    for record_id in history.deletions_of_record:
        for deletion, start in deleted_by(history, record_id):
            if start is None:
                what = f"row {deletion.row_id} of {record_id} went"
                yield Finding(
                    f"a row of {record_id} went while none of its steps was running",
                    [
                        *_around(history, record_id, deletion.at_ns),
                        said(history, deletion.at_ns, "database", what),
                    ],
                )


def _stray_completions(
    history: History, publishing: list[tuple[Event, Start]]
) -> Iterator[Finding]:
    for completion in history.completions:
        spans = [
            (start.started_ns, _reach_ns(history, start))
            for sent, start in publishing
            if sent.get("key") == completion.key
        ]
        if not any(within(completion.at_ns, since, until) for since, until in spans):
            yield Finding(
                f"a completion of {completion.key} appeared while no step was publishing it",
                [
                    *_around(history, str(completion.key), completion.at_ns),
                    _taken(history, completion),
                ],
            )


def _reach_ns(history: History, start: Start) -> int:
    """Until when the broker may still take what this start has sent."""
    end_ns = history.latest_end_ns(start)
    if start.how == "done":
        return end_ns
    healed = [
        window.end_ns + AFTER_DEATH_NS
        for window in history.windows
        if window.excuses(start.incarnation, "kafka") and window.overlaps(start.started_ns, end_ns)
    ]
    return max([end_ns, *healed])


def _ended_before_the_broker_answered(
    history: History, publishing: list[tuple[Event, Start]]
) -> Iterator[Finding]:
    for sent, start in publishing:
        if start.how != "done" or start.ended_ns is None:
            continue
        accepted = [
            event
            for event in history.checkpoints("publish.accepted", sent.by)
            if event.get("key") == sent.get("key") and sent.at <= event.at
        ]
        if not any(event.at <= start.ended_ns for event in accepted):
            later = [
                said(history, event.at, event.by, "heard that the broker took it")
                for event in accepted[:1]
            ]
            yield Finding(
                f"{start.promise} was finished before the broker had taken its completion",
                [
                    started(history, start),
                    said(
                        history,
                        sent.at,
                        sent.by,
                        f"handed over the completion of {sent.get('key')}",
                    ),
                    *later,
                ],
            )


def _around(history: History, record_id: str, at_ns: int) -> list[Witness]:
    """The last start of the record's steps before a moment: the nearest that could have done it."""
    before = [start for start in history.starts_of_record(record_id) if start.started_ns <= at_ns]
    return [started(history, start) for start in before[-1:]]


def _taken(history: History, completion: Completion) -> Witness:
    return said(history, completion.at_ns, "broker", f"took a completion of {completion.key!r}")
