"""How the lives of a worker are called: "w1#2" is the second of w1, wherever it is written."""

_SIGN = "#"


def incarnation(worker: str, life: int) -> str:
    """The name of a worker's nth life, from 1 on."""
    return f"{worker}{_SIGN}{life}"


def worker_of(name: str) -> str:
    """The worker that lives this life: "w1" of "w1#2"; what is no life is its own."""
    return name.rpartition(_SIGN)[0] or name


def life_of(name: str) -> int | None:
    """Which life of its worker it is: 2 of "w1#2"; None of what is no life of a worker."""
    worker, _, number = name.rpartition(_SIGN)
    return int(number) if worker and number.isdecimal() and int(number) else None
