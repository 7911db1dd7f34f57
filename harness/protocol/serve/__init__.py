"""The published protocol as a server: `python -m harness.protocol.serve`.

The machine of the room above decides everything. What stands around it, one module each:

* `log`      every step that changed something, on disk before anybody hears of it
* `durable`  a machine that comes back from its log as it was
* `poll`     who listens where, and which of them gets a message
* `metrics`  figures for Prometheus
* `serving`  requests and deadlines in, answers and messages out; no socket
* `http`     the sockets and the event loop
"""
