"""`python -m harness judge RUN`, `follow RUN RECORD`, `replay RUN` and `exhaust singles|pairs`.

judge     judge a stored run by today's invariants; needs no stack
follow    one record through a stored run, event by event
replay    run a stored schedule again, on a fresh stack, and judge that
exhaust   every kill, or every pair of kills, that a small load has: nothing is drawn

Exit codes: 0 holds, 1 violated, 2 wrong usage, 3 unknown, 4 nothing could be judged: a part of the
stack or the harness itself failed, or evidence is missing; 130 interrupted.
"""

import argparse
import os
import sys
import traceback
from pathlib import Path

from harness.errors import HarnessError, ScheduleError, UsageError
from harness.history.load import JOURNAL, SCHEDULE, load, load_schedule
from harness.infra.database import server_from
from harness.infra.resonate import choose
from harness.infra.stack import one_stack
from harness.infra.worker import DEFAULT_WORKER, words_of
from harness.judged import JudgedRun, judged
from harness.player import Player
from harness.report.follow import follow
from harness.report.kept import kept
from harness.report.store import new_session
from harness.schedule.schedule import Schedule
from harness.search.exhaust import Exhaust
from harness.search.farm import farm

_WRONG_USAGE = 2
_STACK_FAILED = 4
_INTERRUPTED = 130  # as a shell would have it
_CODES = {"holds": 0, "violated": 1, "unknown": 3, "error": _STACK_FAILED}
_STORIES_AT_MOST = 3
_RUNS_NAMED = 5


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (ScheduleError, UsageError) as error:
        print(f"harness: {error}", file=sys.stderr)
        return _WRONG_USAGE
    except HarnessError as error:
        print(f"harness: {error}", file=sys.stderr)
        return _STACK_FAILED
    except KeyboardInterrupt:
        print("harness: interrupted, and nothing was judged", file=sys.stderr)
        return _INTERRUPTED
    except Exception:  # noqa: BLE001 - Python would end with 1, which says that a rule is broken
        traceback.print_exc()
        return _STACK_FAILED


def _run(options: argparse.Namespace) -> int:
    if options.command == "exhaust":
        return _exhaust(options)
    if options.command == "follow":
        _tell("\n".join(follow(load(_existing(options.run)), options.record)))
        return _CODES["holds"]
    outcome = _judge(options) if options.command == "judge" else _replay(options)
    _tell(outcome.story() if options.command == "replay" else outcome.short_story())
    return _CODES[outcome.judgement.overall]


def _tell(story: str) -> None:
    try:
        print(story, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has; the verdict stands
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _judge(options: argparse.Namespace) -> JudgedRun:
    folder: Path = options.run
    if folder.is_file():
        its = f" {folder.parent}" if (folder.parent / JOURNAL).is_dir() else ""
        raise ScheduleError(
            f"{folder} is a file: judge takes the folder{its or ' of a run'}; "
            "what takes a schedule.json is replay"
        )
    return judged(_existing(folder), _at_stake(folder))


def _replay(options: argparse.Namespace) -> JudgedRun:
    schedule = _schedule(options.run)
    server = server_from(os.environ.get("DATABASE_URL"))
    choice = choose(options.resonate, options.resonate_binary)
    worker = _worker_of(options.run) if options.worker is None else options.worker
    words_of(worker)
    at_stake = _at_stake(options.run)
    print(f"worker under test: {worker}\npromise server: {choice}", flush=True)
    with one_stack(choice) as stack:
        player = Player(stack, new_session(), worker, server)
        return player.play(schedule, "replay", at_stake=at_stake)


def _exhaust(options: argparse.Namespace) -> int:
    server = os.environ.get("DATABASE_URL")
    server_from(server)
    choice = choose(options.resonate, options.resonate_binary)
    worker = DEFAULT_WORKER if options.worker is None else options.worker
    words_of(worker)
    session = new_session()
    print(f"worker under test: {worker}\npromise server: {choice}", flush=True)
    with farm(options.jobs, choice) as stacks:
        one = Exhaust(stacks, session, worker, server, lambda line: print(line, flush=True))
        seen = one.singles() if options.what == "singles" else one.pairs()
    for red in seen.red[:_STORIES_AT_MOST]:
        print(f"\n{red.story}")
    for error in seen.errors[:_STORIES_AT_MOST]:
        print(f"\nerror    {error}")
    for title in seen.not_reached:
        print(f"its kill never came: {title}")
    print(f"\noverall  {seen.overall}: {seen}\nruns     {session}")
    return _CODES[seen.overall]


def _existing(folder: Path) -> Path:
    if (folder / SCHEDULE).is_file():
        return folder
    if not folder.exists():
        raise ScheduleError(f"there is no {folder}")
    runs = sorted(path.parent.name for path in folder.glob(f"*/{SCHEDULE}"))
    if runs:
        more = f" and {len(runs) - _RUNS_NAMED} more" if len(runs) > _RUNS_NAMED else ""
        named = ", ".join(runs[:_RUNS_NAMED])
        raise ScheduleError(f"{folder} is a session; its runs are: {named}{more}")
    raise ScheduleError(f"{folder} is no run: it has no {SCHEDULE}")


def _schedule(given: Path) -> Schedule:
    return load_schedule(given if given.is_file() else _existing(given) / SCHEDULE)


def _worker_of(given: Path) -> str:
    """The worker that was under test in a stored run, of which a night keeps no journal."""
    if not given.is_dir():
        return DEFAULT_WORKER
    before = kept(given)
    if before is not None and before.worker is not None:
        return before.worker
    named = load(given).of_kind("named")
    return str(named[0].get("worker")) if named else DEFAULT_WORKER


def _at_stake(folder: Path) -> list[str]:
    """What the scenario said must be at stake, if the run was judged before."""
    before = kept(folder)
    return [] if before is None else before.expected


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    judge = commands.add_parser("judge", help="judge a stored run")
    judge.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    following = commands.add_parser("follow", help="one record through a stored run")
    following.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    following.add_argument("record", metavar="RECORD", help="a record's name in its schedule")
    replay = commands.add_parser("replay", help="run a stored schedule again")
    replay.add_argument("run", type=Path, metavar="RUN", help="a run's folder, or a schedule.json")
    replay.add_argument("--worker", metavar="COMMAND", help="instead of the one that ran then")
    exhaust = commands.add_parser("exhaust", help="every kill, or every pair of kills")
    exhaust.add_argument("what", choices=("singles", "pairs"))
    exhaust.add_argument("--worker", metavar="COMMAND", help=f"default: {DEFAULT_WORKER!r}")
    exhaust.add_argument("--jobs", type=_count, default=8, help="runs side by side (default: 8)")
    for command in (replay, exhaust):
        command.add_argument("--resonate", metavar="URL", help="a server that runs already")
        command.add_argument("--resonate-binary", metavar="PATH", help="a program to start")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no count: at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
