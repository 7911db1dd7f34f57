"""A folder becomes a verdict, or an error where the machine is to blame for what is in it."""

import errno
import json
from pathlib import Path

import msgspec
import pytest

from harness.errors import HarnessError, InfraError
from harness.journal.format import JOURNAL_LOST, Event
from harness.judged import judged
from harness.report.kept import keep_the_cause
from harness.schedule.schedule import to_json
from tests.invariants import building as b
from tests.invariants.test_judge import GOOD

STRAY = b.deletion(9, 2.0, "bystander")  # which is a violation, whoever asks


def kept(folder: Path, *more: Event) -> Path:
    """A calm run as it is left behind, and what else happened in it."""
    (folder / "schedule.json").write_bytes(to_json(b.SCHEDULE))
    (folder / "timing.json").write_bytes(msgspec.json.encode(b.TIMING))
    (folder / "journal").mkdir()
    for event in sorted([*GOOD.events, *more], key=lambda one: one.at):
        with (folder / "journal" / f"{event.by}.jsonl").open("ab") as journal:
            journal.write(msgspec.json.encode(event) + b"\n")
    return folder


def cause_in(folder: Path) -> str:
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["overall"] == "error"
    return str(verdict["cause"])


def test_a_verdict_is_kept_in_the_folder(tmp_path: Path) -> None:
    assert judged(kept(tmp_path), ()).judgement.overall == "holds"
    assert json.loads((tmp_path / "verdict.json").read_text())["overall"] == "holds"


def test_a_story_names_the_log_of_who_died_and_what_it_died_of(tmp_path: Path) -> None:
    died = [b.alive(b.W2, 3.0), b.ended(4.0, b.W2, code=1)]
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / f"{b.W2}.log"
    first = kept(tmp_path, STRAY, *died)
    (tmp_path / "journal" / f"{b.W2}.jsonl").touch()
    log.write_text("started\n")
    assert f"\nlog      {log}\n" in judged(first, ()).story()
    log.write_text(
        "Traceback (most recent call last):\n  File one\nKeyError: 'one'\n"
        "Traceback (most recent call last):\n  File two\n    deep\nValueError: two\nUnclosed\n"
    )
    story = judged(first, ()).story()
    assert f"\nlog      {log}: ValueError: two\n" in story
    assert story.splitlines()[1].startswith("violated no_worker_died_unasked: w2#1")
    assert "violated every_effect_belongs_to_a_step" in story


def test_of_a_worker_that_is_not_watched_nothing_is_said(tmp_path: Path) -> None:
    folder = kept(tmp_path)
    journal = folder / "journal" / f"{b.W1}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b"publish." not in line))
    with pytest.raises(InfraError, match="client that is not watched"):
        judged(folder, ())
    assert "publish.sent" in cause_in(folder)


@pytest.mark.parametrize("left", [0, 3])
def test_a_journal_that_has_lost_events_since_is_not_judged_again(
    tmp_path: Path, left: int
) -> None:
    """It would look as if the worker had done nothing more, or the server had forgotten."""
    judged(kept(tmp_path), ())
    judged(tmp_path, ())
    journal = tmp_path / "journal" / f"{b.W1}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:left]))
    had = f"the journal of {b.W1} had {len(lines)} events .*, and has {left};"
    with pytest.raises(HarnessError, match=had):
        judged(tmp_path, ())


def test_a_verdict_that_cannot_be_kept_takes_none_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(path: Path, text: str) -> None:
        path.write_bytes(text[:9].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    judged(kept(tmp_path), ())
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(InfraError, match=r"verdict\.json cannot be written: .*No space left"):
        judged(tmp_path, ())
    assert json.loads((tmp_path / "verdict.json").read_text())["overall"] == "holds"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("more", [(), (STRAY,)], ids=["held", "violated"])
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (b.event("clock", 50.0, drift_s=0.2), "clock"),
        (b.ended(42.5, b.W2, JOURNAL_LOST), f"the journal of {b.W2}"),
    ],
    ids=["clock", "journal"],
)
def test_a_clock_that_was_set_and_a_lost_journal_are_errors_whatever_else_is_seen(
    tmp_path: Path, trouble: Event, said: str, more: tuple[Event, ...]
) -> None:
    with pytest.raises(InfraError, match=said):
        judged(kept(tmp_path, trouble, *more), ())
    assert said in cause_in(tmp_path)


def test_a_late_machine_is_an_error_only_where_the_run_does_not_hold(tmp_path: Path) -> None:
    late = b.event("late", 3.0, b.W1, by_s=1.9)
    for name, more in (("held", ()), ("violated", (STRAY,))):
        (tmp_path / name).mkdir()
        kept(tmp_path / name, late, *more)
    assert judged(tmp_path / "held", ()).judgement.overall == "holds"
    with pytest.raises(InfraError, match="too slow to keep a lease"):
        judged(tmp_path / "violated", ())


def test_a_late_broker_is_an_error_only_where_the_run_does_not_hold(tmp_path: Path) -> None:
    hasty = b.SCHEDULE.with_settings(publish_timeout_s=1.0)
    error = "KafkaError{code=_MSG_TIMED_OUT}"
    given_up = b.event("publish.refused", 2.9, b.W1, key="r", error=error)
    for name, more in (("held", ()), ("violated", (STRAY,))):
        (tmp_path / name).mkdir()
        kept(tmp_path / name, given_up, *more)
        (tmp_path / name / "schedule.json").write_bytes(to_json(hasty))
    assert judged(tmp_path / "held", ()).judgement.overall == "holds"
    with pytest.raises(InfraError, match="the broker did not answer w1#1 within 1 s"):
        judged(tmp_path / "violated", ())


def test_a_run_that_was_never_played_to_its_end_is_judged_by_what_ended_it(tmp_path: Path) -> None:
    """However whole its journals look."""
    kept(tmp_path)
    keep_the_cause(tmp_path, "the broker is gone", ("every_record_completes",), "python -m worker")
    for _ in range(2):  # and that is not lost by judging it
        with pytest.raises(InfraError, match="the broker is gone; nothing can be concluded"):
            judged(tmp_path, ())
        assert cause_in(tmp_path) == "the broker is gone"


def test_an_error_that_was_judged_is_judged_by_todays_invariants(tmp_path: Path) -> None:
    assert judged(kept(tmp_path), ()).judgement.overall == "holds"
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    wrong = {**verdict, "overall": "error", "cause": "too slow, as one thought then"}
    (tmp_path / "verdict.json").write_text(json.dumps(wrong))
    assert judged(tmp_path, ()).judgement.overall == "holds"


def test_nothing_is_kept_in_a_folder_that_is_no_run(tmp_path: Path) -> None:
    keep_the_cause(tmp_path, "no room for a schedule", (), "python -m worker")
    assert list(tmp_path.iterdir()) == []
