"""Who gets a message: the living, in turn."""

import socket

from harness.protocol.serve.poll import QUEUE_SIZE, Registry, Stream


class Listener(Stream):
    def __init__(self, pid: str, group: str = "g") -> None:
        self.closing = False
        super().__init__(group, pid, lambda: self.closing, -1)

    def heard(self) -> list[bytes | None]:
        return [self.queue.get_nowait() for _ in range(self.queue.qsize())]


def joined(*listeners: Listener) -> Registry:
    registry = Registry()
    for listener in listeners:
        registry.join(listener)
    return registry


def test_anycast_goes_round() -> None:
    a, b = Listener("a"), Listener("b")
    registry = joined(a, b)
    for message in (b"1", b"2", b"3", b"4"):
        assert registry.deliver("poll://any@g", message)
    assert (a.heard(), b.heard()) == ([b"1", b"3"], [b"2", b"4"])


def test_anycast_passes_over_who_is_gone() -> None:
    a, b = Listener("a"), Listener("b")
    registry = joined(a, b)
    a.closing = True
    assert registry.deliver("poll://any@g", b"1")
    assert registry.deliver("poll://any@g", b"2")
    assert (a.heard(), b.heard()) == ([], [b"1", b"2"])


def test_anycast_prefers_the_member_it_names() -> None:
    a, b = Listener("a"), Listener("b")
    registry = joined(a, b)
    assert registry.deliver("poll://any@g/b", b"1")
    assert registry.deliver("poll://any@g/nobody", b"2")
    assert (a.heard(), b.heard()) == ([b"2"], [b"1"])


def test_unicast_reaches_one_alone() -> None:
    a, b = Listener("a"), Listener("b")
    registry = joined(a, b)
    assert registry.deliver("poll://uni@g/b", b"1")
    assert not registry.deliver("poll://uni@g/nobody", b"2")
    assert not registry.deliver("poll://uni@other/b", b"3")
    assert (a.heard(), b.heard()) == ([], [b"1"])


def test_a_message_for_nobody_is_dropped() -> None:
    assert not Registry().deliver("poll://any@g", b"1")
    assert not Registry().deliver("https://somewhere/else", b"1")


def test_a_newer_connection_replaces_the_older() -> None:
    older, newer = Listener("a"), Listener("a")
    registry = joined(older, newer)
    assert registry.deliver("poll://uni@g/a", b"1")
    assert (older.heard(), newer.heard()) == ([None], [b"1"])
    registry.leave(older)
    assert registry.deliver("poll://uni@g/a", b"2")
    registry.leave(newer)
    assert registry.listeners() == 0


def test_a_listener_that_is_far_behind_is_passed_over() -> None:
    registry = joined(Listener("a"))
    delivered = [registry.deliver("poll://any@g", b"1") for _ in range(QUEUE_SIZE + 1)]
    assert delivered == [True] * QUEUE_SIZE + [False]


def test_anycast_passes_over_the_member_it_names_where_that_is_far_behind() -> None:
    a, b = Listener("a"), Listener("b")
    registry = joined(a, b)
    for _ in range(QUEUE_SIZE):
        a.give(b"1")
    assert registry.deliver("poll://any@g/a", b"2")
    assert not registry.deliver("poll://uni@g/a", b"3")
    assert b.heard() == [b"2"]


def test_the_kernel_knows_of_a_hang_up_before_anybody_reads() -> None:
    here, there = socket.socketpair()
    with here:
        stream = Stream("g", "a", lambda: False, here.fileno())
        assert not stream.is_gone()
        there.close()
        assert stream.is_gone()
