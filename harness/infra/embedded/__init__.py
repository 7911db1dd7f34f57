"""The embedded promise server: the vendor's state machine behind the vendor's wire, as a process.

Started with `python -m harness.infra.embedded --port 0 --log FILE`. What is the vendor's is the
protocol state machine (`resonate.connections.local.ServerState`): promises, tasks, leases, timers,
messages. What is ours is everything that stands around it, one module each:

* `wire`     bytes to typed requests, and answers back; anything malformed is a 400
* `rules`    what the published server refuses by looking at the request alone
* `fencing`  what it refuses by looking at its state: versions above all
* `machine`  the three together, without I/O: apply, tick, replay
* `log`      every answered request, on disk before its answer leaves
* `poll`     who listens where, and which of them gets a message
* `server`   HTTP around all of it
"""
