"""Looks for itself: what the broker, the promise server and the database say.

No word of a worker passes here. Everything is read past the faults: the broker at its direct
listener, the promise server at its own address. Reading changes nothing that workers can see; the
observer is in no group and registers no callback.

* The topics are read from their beginning, by assignment. The times are the broker's
  (LogAppendTime).
* Promises are found from the ids of the root promises that were begun: children are numbered, so
  each family is read until a number is missing.
"""

import base64
import itertools
import json
from collections.abc import Iterable
from typing import Any

import msgspec
import requests
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from resonate_base import PROTOCOL_VERSION

from harness.clients.commits import Commit, decode
from harness.errors import InfraError
from harness.infra.kafka import COMMITS_TOPIC

_BROKER_ANSWERS_WITHIN_S = 15.0
_SERVER_ANSWERS_WITHIN_S = 15.0
_AT_MOST = 1000  # messages taken in one look
_NOT_FOUND = 404
_OK = 200


class Seen(msgspec.Struct, frozen=True):
    """One message of a topic, with keys, values and headers as text."""

    partition: int
    offset: int
    at_ms: int
    key: str | None
    value: str | None
    headers: dict[str, str]


class TopicReader:
    """Reads one topic from where it was started, to its end as often as asked."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, *, from_end: bool) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"observer-of-{topic}",  # librdkafka wants one; it is never joined
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,  # its errors are raised here, its chatter helps nobody
            }
        )
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._next = dict.fromkeys(range(partitions), 0)
        if from_end:
            self._next = {place.partition: self._end(place) for place in self._places}
        for place in self._places:
            place.offset = self._next[place.partition]
        self._consumer.assign(self._places)

    def arrived(self) -> list[Message]:
        """Return what has come since it was last asked, without waiting for more."""
        return self._take(self._consumer.consume(_AT_MOST, 0))

    def to_end(self) -> list[Message]:
        """Return the rest up to the ends as they are now. InfraError if the broker is mute."""
        ends = {place.partition: self._end(place) for place in self._places}
        messages: list[Message] = []
        while any(self._next[partition] < end for partition, end in ends.items()):
            message = self._consumer.poll(_BROKER_ANSWERS_WITHIN_S)
            if message is None:
                raise InfraError(f"the broker did not deliver {self._places[0].topic} to its end")
            messages += self._take([message])
        return messages

    def _take(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            error = message.error()
            if error is not None:
                raise InfraError(f"reading {self._places[0].topic}: {error}")
            self._next[message.partition() or 0] = (message.offset() or 0) + 1
        return messages

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _end(self, place: TopicPartition) -> int:
        try:
            _, end = self._consumer.get_watermark_offsets(place, timeout=_BROKER_ANSWERS_WITHIN_S)
        except KafkaException as error:
            raise InfraError(
                f"the broker does not say where {place.topic} ends: {error}"
            ) from error
        return int(end)


def seen(message: Message) -> Seen:
    """A message as text; bytes that are no UTF-8 are escaped."""
    return Seen(
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        at_ms=message.timestamp()[1],
        key=_text(message.key()),
        value=_text(message.value()),
        headers={name: _text(value) or "" for name, value in _pairs(message.headers())},
    )


def commits(messages: Iterable[Message], group: str) -> list[Commit]:
    """The commits of one group among messages of `__consumer_offsets`."""
    read = (
        decode(message.key() or b"", message.value(), message.timestamp()[1])
        for message in messages
    )
    return [commit for commit in read if commit is not None and commit.group == group]


def commit_log(bootstrap: str) -> TopicReader:
    """A reader of all commits from now on."""
    return TopicReader(bootstrap, COMMITS_TOPIC, 1, from_end=True)


class PromiseReader:
    """Asks the promise server about promises, as any client could."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._number = itertools.count(1)

    def get(self, promise: str) -> dict[str, Any] | None:
        """One promise as the server has it; None if it has none. InfraError if it does not say."""
        corr_id = f"observer-{next(self._number)}"
        request = {
            "kind": "promise.get",
            "head": {"corrId": corr_id, "version": PROTOCOL_VERSION},
            "data": {"id": promise},
        }
        try:
            answer = self._session.post(
                f"{self._url}/", json=request, timeout=_SERVER_ANSWERS_WITHIN_S
            ).json()
            status = answer["head"]["status"]
            found: dict[str, Any] | None = answer["data"]["promise"] if status == _OK else None
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise InfraError(
                f"the promise server does not say what {promise} is: {error}"
            ) from error
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise InfraError(f"the promise server answered {status} for {promise}: {answer}")
        return found

    def family(self, root: str) -> list[dict[str, Any]]:
        """The root promise and its children, `root:1`, `root:2` and so on until one is missing."""
        found = self.get(root)
        if found is None:
            return []
        family = [found]
        for number in itertools.count(1):
            child = self.get(f"{root}:{number}")
            if child is None:
                return family
            family.append(child)
        raise AssertionError("count() does not end")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def facts_of(promise: dict[str, Any]) -> dict[str, Any]:
    """A promise as the journal keeps it; see `seen.promise` in the journal's format."""
    return {
        "id": promise["id"],
        "state": promise["state"],
        "created_ms": promise.get("createdAt"),
        "settled_ms": promise.get("settledAt"),
        "timeout_ms": promise["timeoutAt"],
        "tags": promise.get("tags") or {},
        "arguments": _arguments(promise.get("param")),
    }


def _arguments(param: Any) -> list[Any]:
    """The positional arguments of the workflow: the SDK keeps them as JSON in base64."""
    try:
        call = json.loads(base64.b64decode(param["data"]))
        return [*call.get("args", ()), *call.get("kwargs", {}).values()]
    except (AttributeError, TypeError, KeyError, ValueError):
        return []  # a step or a timer has none, and another SDK may keep its own


def _text(data: bytes | str | None) -> str | None:
    return data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data


def _pairs(headers: Any) -> Iterable[tuple[str, bytes | str | None]]:
    return headers.items() if isinstance(headers, dict) else headers or []
