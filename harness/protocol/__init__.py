"""The published promise and task protocol as a machine: no I/O, no clock, nothing drawn.

`machine.step(state, now, request)` answers one request, `machine.due(state)` says when something
happens by itself, `machine.tick(state, now)` lets it happen. What stands where:

* `values`      what goes over the wire and what is sent to workers; frozen
* `requests`    the shapes of the requests; frozen
* `replies`     what comes of one; frozen
* `encoding`    bytes to requests and replies to bytes
* `rules`       what is refused by looking at the request alone (with promise_rules, task_rules)
* `state`       everything the machine knows, and its indexes; `deadlines` is its alarm clock
* `internal`    what happens without a request: timeouts, wake-ups, ends of leases, offers
* `promises`, `tasks`, `holding`, `search`, `debug`   one function a kind of request
* `snapshot`    the state as a value, to be written down and read back
* `machine`     all of it together

Restated from the published specification (`spec/01-protocol`, `spec/02-abstract`) and the server's
own checks. The docstring of a function names the definition it restates. Where the sources
disagree, docs/decisions/0011 says what was chosen. Times are whole milliseconds of one clock, which
may be any: the machine never reads one.
"""
