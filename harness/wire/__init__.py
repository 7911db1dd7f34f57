"""Can what the promise server answered be explained by the published protocol?

The third oracle, beside the worker's effects and the final read: the traffic as the workers saw it,
held against `harness.protocol`. What stands where:

* `answers`     what a worker was answered, and in what it differs from what the machine answers
* `operations`  a request with its interval; all of a run, by origin
* `worlds`      one state in which the server may have been, and what may happen there by itself
* `moves`       what one request may have done to such a state, and when
* `search`      is there an order that fits every interval and every answer? Bounded
* `disputes`    where published servers and the specification disagree: then nobody is to blame
* `explain`     an origin's verdict, with the first answer that no order explains
* `sentences`   all of it for people

Reads history and protocol. Read by the invariants. Pure: no I/O, no clock, nothing drawn. See
docs/decisions/0012.
"""
