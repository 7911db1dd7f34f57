"""What comes of a request.

Knows nothing. Read by the handlers, machine and encoding.

* A handler gives an `Answer`; the machine puts it into a `Reply`, which repeats whose it is.
* Of a refusal, the data is its text: a bare string, as published.
"""

from typing import Any, NamedTuple

import msgspec

PROTOCOL_VERSION = "2026-04-01"


class Answer(NamedTuple):
    """A status and what goes with it: records, or the text of a refusal."""

    status: int
    data: Any


class ReplyHead(msgspec.Struct, frozen=True):
    corr_id: str = msgspec.field(name="corrId")
    status: int
    version: str = PROTOCOL_VERSION


class Reply(msgspec.Struct, frozen=True):
    """An answer and whose it is, in the shape in which it is sent."""

    kind: str
    head: ReplyHead
    data: Any

    @property
    def status(self) -> int:
        """What happened; also the status of the HTTP answer."""
        return self.head.status


def reply(kind: str, corr_id: str, answer: Answer) -> Reply:
    return Reply(kind, ReplyHead(corr_id, answer.status), answer.data)
