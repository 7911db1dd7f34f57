"""An agent with a journal in a folder of the test, and what it wrote."""

from pathlib import Path

from harness.agent.checkpoints import Agent
from harness.agent.plan import Directive, Plan
from harness.journal.format import Event
from harness.journal.reader import read_run


def plan(
    folder: Path, *directives: Directive, worker: str = "w1", incarnation: str = "w1#1"
) -> Plan:
    """A plan in a run whose load has begun."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "load.begun").touch()
    return Plan(
        worker=worker,
        incarnation=incarnation,
        folder=str(folder),
        input_topic="in",
        output_topic="out",
        dead_letter_topic="dead",
        directives=directives,
    )


def agent(folder: Path, *directives: Directive) -> Agent:
    return Agent(plan(folder, *directives))


def written(folder: Path) -> list[Event]:
    events, remarks, *_ = read_run(folder)
    assert remarks == []
    return events


def checkpoints(folder: Path) -> list[str]:
    return [event.get("name") for event in written(folder) if event.kind == "checkpoint"]
