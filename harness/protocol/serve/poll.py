"""Who listens where, and which of them gets a message.

Addresses are the published ones: `poll://uni@group/pid` reaches one process, `poll://any@group` any
one of a group. Knows streams, not HTTP: http writes what a stream is given.

* One live stream an address: a newer connection under the same pid ends the older one.
* A message for nobody is dropped, as is one that was still queued when its stream died. An execute
  message comes again by the pending retry; an unblock message does not (the published server drops
  it too, and whoever listened asks again when it reconnects).
* Before a stream is given anything, the kernel is asked whether its peer has hung up: the news of
  a killed worker may be in the socket and not yet in the event loop, and a message handed to the
  dead costs a whole pending retry.
"""

import asyncio
import re
import select
from collections.abc import Callable
from urllib.parse import unquote

# As many as the published server queues for one listener; a stream that is this far behind is
# paused or cut off, and what it misses comes again.
QUEUE_SIZE = 100

_ADDRESS = re.compile(r"poll://(?P<cast>uni|any)@(?P<group>[^/]+)(?:/(?P<pid>.*))?", re.DOTALL)
_HUNG_UP = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Stream:
    """One listener's connection, as the registry sees it."""

    def __init__(self, group: str, pid: str, is_closing: Callable[[], bool], fd: int) -> None:
        self.group = group
        self.pid = pid
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._is_closing = is_closing
        self._hang_up = select.poll()
        if fd >= 0:
            self._hang_up.register(fd, _HUNG_UP)

    def is_gone(self) -> bool:
        """Whether its peer is known to have hung up."""
        return self._is_closing() or bool(self._hang_up.poll(0))

    def give(self, message: bytes) -> bool:
        if self.queue.qsize() >= QUEUE_SIZE:
            return False
        self.queue.put_nowait(message)
        return True

    def end(self) -> None:
        """Tell whoever writes this stream to close it."""
        self.queue.put_nowait(None)


class Registry:
    """The live streams, by group and pid, in the order in which their turn comes."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, Stream]] = {}

    def join(self, stream: Stream) -> None:
        members = self._groups.setdefault(stream.group, {})
        older = members.pop(stream.pid, None)
        if older is not None:
            older.end()
        members[stream.pid] = stream

    def leave(self, stream: Stream) -> None:
        """Forget a stream; does nothing where a newer one has its place."""
        members = self._groups.get(stream.group, {})
        if members.get(stream.pid) is stream:
            del members[stream.pid]
            if not members:
                del self._groups[stream.group]

    def deliver(self, address: str, message: bytes) -> bool:
        """Give `message` to a live listener at `address`; False where there was none."""
        parsed = _ADDRESS.fullmatch(address)
        if parsed is None:
            return False
        group, pid = unquote(parsed["group"]), unquote(parsed["pid"] or "")
        members = self._groups.get(group, {})
        named = members.get(pid)
        if named is not None and not named.is_gone() and named.give(message):
            return True
        if parsed["cast"] == "uni":
            return False
        for stream in list(members.values()):
            if not stream.is_gone() and stream.give(message):
                # Its next turn comes after everybody else's.
                members[stream.pid] = members.pop(stream.pid)
                return True
        return False

    def end_all(self) -> None:
        for members in self._groups.values():
            for stream in members.values():
                stream.end()

    def listeners(self) -> int:
        return sum(len(members) for members in self._groups.values())
