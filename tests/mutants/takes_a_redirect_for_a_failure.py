"""Broken: a redirect is a request to be sent again. Caught by `every_record_completes`.

How a team comes to write it: a server that is upgraded answers with all sorts of codes for a
moment, so whatever is neither a success nor the client's own fault is tried again. But a 300 to
`task.suspend` says that what the workflow waits for is over already, and that it shall go on. Shows
when a timer is over before the suspend arrives (a slow link, a short sleep): the lease is kept, and
the record stands still for ever.
"""

from resonate.transport import Response

from system_under_test.promise_server import REQUEST_BACKOFF
from system_under_test.worker import Worker
from tests.mutants.breaking import run

_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)


def sending_it_again(worker: Worker) -> None:
    transport = worker.links.resonate._transport
    real = transport.send

    async def send(
        kind: str, corr_id: str, body: str, headers: dict[str, str] | None = None
    ) -> Response:
        attempt = 0
        while True:
            answer = await real(kind, corr_id, body, headers)
            is_final = answer.head.status not in (*_REDIRECTS, *_SERVER_ERRORS)
            if is_final or worker.stop_asked.is_set():
                return answer
            await worker.sleeper(REQUEST_BACKOFF.delay(attempt))
            attempt += 1

    transport.send = send  # type: ignore[method-assign]


if __name__ == "__main__":
    run(sending_it_again)
