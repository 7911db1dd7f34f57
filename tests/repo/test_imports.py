"""Each room imports only what lies to its left."""

from pathlib import Path

from tests.repo.sources import imports, modules, name, under

# From left to right; rooms of one row do not know each other.
ROWS = (
    {"clock", "errors", "incarnation", "recording", "waiting"},
    {"schedule", "protocol"},
    {"infra"},
    {"faults", "clients"},
    {"journal"},
    {"history"},
    {"wire"},
    {"invariants"},
    {"report"},
    {"terms", "loading", "run", "judged", "player", "prove", "search", "exercise"}
    | {"pytest_session", "pytest_fixtures", "pytest_plugin", "__main__"},
)
BASE, CONDUCTORS = ROWS[0], ROWS[-1]
# What the machine of the protocol may know of the standard library: nothing that does anything.
PURE = {"bisect", "collections", "heapq", "itertools", "re", "typing"}
AGENT_KNOWS = {"agent", "schedule", "journal", "clock", "errors", "incarnation"}


def room_of(module: str) -> str:
    """`schedule` of `harness.schedule.poison`; `` of `harness` itself."""
    return [*module.split("."), ""][1]


def rooms_imported(path: Path) -> set[str]:
    found = {room_of(module) for module in imports(path) if under(module, "harness")}
    return found - {"", room_of(name(path))}


def allowed(room: str) -> set[str]:
    if room == "":  # the front door
        return {"schedule"}
    if room == "agent":
        return AGENT_KNOWS
    (row,) = [number for number, rooms in enumerate(ROWS) if room in rooms]
    same = ROWS[row] if ROWS[row] in (BASE, CONDUCTORS) else set()
    return set().union(*ROWS[:row]) | same


def beyond(path: Path) -> set[str]:
    room = room_of(name(path))
    found = rooms_imported(path) - allowed(room)
    agents = {module for module in imports(path) if under(module, "harness.agent")}
    if room in {"run", "terms"} and all(under(module, "harness.agent.plan") for module in agents):
        found -= {"agent"}  # what the agent is told is written by the conductor
    return found


def strangers(folder: str, *packages: str) -> list[str]:
    return [
        f"{name(path)} imports {module}"
        for path in modules(folder)
        for module in sorted(imports(path))
        for package in packages
        if under(module, package)
    ]


def test_each_room_imports_only_upstream() -> None:
    found = {name(path): beyond(path) for path in modules("harness")}
    assert {module: rooms for module, rooms in found.items() if rooms} == {}


def test_the_machine_of_the_protocol_knows_no_server_and_nothing_of_the_world() -> None:
    below = modules("harness/protocol")
    pure = [path for path in below if not under(name(path), "harness.protocol.serve")]
    known = {"harness.protocol", "msgspec", *PURE}
    found = {
        f"{name(path)} imports {module}"
        for path in pure
        for module in imports(path)
        if under(module, "harness.protocol.serve")
        or not any(under(module, package) for package in known)
    }
    assert pure
    assert found == set()


def test_the_server_of_the_protocol_could_stand_alone() -> None:
    served = modules("harness/protocol/serve")
    found = {
        f"{name(path)} imports {module}"
        for path in served
        for module in imports(path)
        if under(module, "harness") and not under(module, "harness.protocol")
    }
    assert served
    assert found == set()


def test_the_harness_knows_no_worker_and_no_test() -> None:
    assert strangers("harness", "system_under_test", "tests", "scenarios") == []


def test_the_worker_knows_nothing_of_the_harness() -> None:
    assert strangers("system_under_test", "harness", "tests", "scenarios") == []


def test_the_check_itself_sees_an_import_that_points_to_the_right() -> None:
    assert "history" not in allowed("infra")
    assert "infra" not in allowed("agent")
    assert "agent" not in allowed("invariants") | allowed("prove")
    (clients,) = [path for path in modules("harness") if name(path) == "harness.clients.drain"]
    assert rooms_imported(clients) == {"", "clock", "infra"} - {""}


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {room_of(name(path)) for path in modules("harness")} - {""}
    assert rooms - set().union(*ROWS) == {"agent"}
