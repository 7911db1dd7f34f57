"""Looks for itself at the promise server: every promise of a workflow, as any client could ask.

Asked at the server's own address, past every fault. Reading changes nothing that workers can see:
no callback and no listener is registered. Children are numbered, so a family is read until a number
is missing; ids that crossed the wire beside those (a nested one) are asked for by name.
"""

import base64
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import urllib3
from resonate_base import PROTOCOL_VERSION

from harness.errors import InfraError

_SERVER_ANSWERS_WITHIN_S = 15.0
_NOT_FOUND = 404
_OK = 200


class PromiseReader:
    """Asks the promise server about promises, as any client could."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager()
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
            answer = self._http.request(
                "POST",
                f"{self._url}/",
                json=request,
                timeout=_SERVER_ANSWERS_WITHIN_S,
                retries=False,
            ).json()
            status = answer["head"]["status"]
            found: dict[str, Any] | None = answer["data"]["promise"] if status == _OK else None
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError) as error:
            raise InfraError(
                f"the promise server does not say what {promise} is: {error}"
            ) from error
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise InfraError(f"the promise server answered {status} for {promise}: {answer}")
        return found

    def family(self, root: str, named: Iterable[str] = ()) -> list[dict[str, Any]]:
        """The root, its children `root:1`, `root:2` until one is missing, and those `named`."""
        found = self.get(root)
        if found is None:
            return []
        family = [found]
        for number in itertools.count(1):
            child = self.get(f"{root}:{number}")
            if child is None:
                break
            family.append(child)
        known = {promise["id"] for promise in family}
        others = (self.get(name) for name in sorted(set(named) - known))
        return family + [other for other in others if other is not None]

    def close(self) -> None:
        """Close the connection."""
        self._http.clear()


def named_in(kind: str, data: dict[str, Any]) -> Iterator[str]:
    """The promise that a request makes or settles, if it is of a kind that may be of a child."""
    about = {"task.fence": data.get("action", {}).get("data", {}), "promise.create": data}.get(kind)
    if about is not None:
        yield str(about.get("id", ""))


def facts_of(promise: dict[str, Any]) -> dict[str, Any]:
    """A promise as the journal keeps it; see `seen.promise` in the journal's format."""
    return {
        "id": promise["id"],
        "state": promise["state"],
        "created_ms": promise.get("createdAt"),
        "settled_ms": promise.get("settledAt"),
        "timeout_ms": promise["timeoutAt"],
        "tags": promise.get("tags") or {},
        "value": promise.get("value"),
        "arguments": _arguments(promise.get("param")),
    }


def _arguments(param: Any) -> list[Any]:
    """The positional arguments of the workflow: the SDK keeps them as JSON in base64."""
    try:
        call = json.loads(base64.b64decode(param["data"]))
        return [*call.get("args", ()), *call.get("kwargs", {}).values()]
    except (AttributeError, TypeError, KeyError, ValueError):
        return []  # a step or a timer has none, and another SDK may keep its own
