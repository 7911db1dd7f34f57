"""A real workflow under a real agent: the sequence of its checkpoints."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from harness.agent.plan import ENVIRONMENT, Directive
from tests.agent.watching import plan, written

ROOT = Path(__file__).parents[2]
WORKFLOW = """
import asyncio
from datetime import timedelta
from resonate.connections import LocalConnection
from resonate.resonate import Resonate
from resonate.retry import Constant

tries = []

async def batch(_, number):
    tries.append(number)
    if len(tries) == 2:
        raise ValueError("not yet")
    return number

async def clean(ctx):
    await ctx.run(batch, 1)
    await ctx.sleep(timedelta(milliseconds=30))
    await ctx.run(batch, 2)
    await ctx.sleep(timedelta(milliseconds=30))
    return 3

async def main():
    network = LocalConnection(pid="p", group="workers", tick_interval=0.01)
    retry = Constant(delay=0, max_retries=3)
    resonate = Resonate(network=network, pid="p", group="workers", retry_policy=retry)
    resonate.register(clean, name="clean")
    print(await resonate.run("one", clean).result())
    await resonate.stop()

asyncio.run(main())
"""


def run(folder: Path, *directives: Directive) -> subprocess.CompletedProcess[str]:
    program = folder / "workflow.py"
    program.write_text(WORKFLOW)
    told = msgspec.json.encode(plan(folder / "journal", *directives)).decode()
    return subprocess.run(
        [sys.executable, "-m", "harness.agent", "python", str(program)],
        env={**os.environ, ENVIRONMENT: told},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def story(folder: Path) -> list[str]:
    return [
        f"{event.get('name') or event.kind} {event.get('promise')}"
        for event in written(folder / "journal")
        if event.kind in {"checkpoint", "step.failed", "dying"}
    ]


def test_a_workflow_reaches_its_checkpoints_in_order(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
    assert story(tmp_path) == [
        "workflow.begin.sent one",
        "workflow.begin.confirmed one",
        "task.acquired one",
        "step.started one:1",
        "step.effect_done one:1",
        "step.settle.sent one:1",
        "step.settle.confirmed one:1",
        "sleep.suspended one",
        "task.acquired one",
        "sleep.woken one:2",
        "step.started one:3",
        "step.failed one:3",
        "step.started one:3",
        "step.effect_done one:3",
        "step.settle.sent one:3",
        "step.settle.confirmed one:3",
        "sleep.suspended one",
        "task.acquired one",
        "sleep.woken one:4",
        "workflow.settle.sent one",
        "workflow.settle.confirmed one",
    ]
    events = written(tmp_path / "journal")
    (failed,) = [event for event in events if event.kind == "step.failed"]
    assert failed.get("error") == "ValueError: not yet"
    started = [event.get("function") for event in events if event.get("name") == "step.started"]
    assert len(set(started)) == 1
    assert "batch" in started[0]
    leases = [event.get("lease") for event in events if "step." in str(event.get("name"))]
    assert leases == [0, 0, None, 0, 1, 1, 1, None, 1]  # the local connection counts from 0
    assert failed.get("lease") == 1
    sent = [event.get("seq") for event in events if event.kind == "request"]
    answered = [event.get("seq") for event in events if event.kind == "answer"]
    assert sent == sorted(set(sent))
    assert sorted(answered) == sent


def test_a_kill_strikes_inside_the_boundary(tmp_path: Path) -> None:
    kill = Directive(fault=0, checkpoint="step.settle.sent", nth=2, worker="any", action="kill")
    done = run(tmp_path, kill)
    assert done.returncode == -signal.SIGKILL
    assert story(tmp_path)[-2:] == ["step.settle.sent one:3", "dying None"]
    (request,) = [e for e in written(tmp_path / "journal") if e.kind == "request"][-1:]
    answered = {e.get("seq") for e in written(tmp_path / "journal") if e.kind == "answer"}
    assert request.get("kind") == "task.fence"
    assert request.get("seq") not in answered
