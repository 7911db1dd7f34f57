"""Broken: a worker's work is its own. Caught by `another_worker_takes_over`.

How a team comes to write it: the group is mistaken for the worker's name, which must be unique, and
is set from the pod's. All is well until a worker dies for good: its records are sent to a group in
which nobody listens. The Kafka group is shared all the same, so new records are worked on.
"""

import os
import uuid

from system_under_test.worker import leave, main

if __name__ == "__main__":
    leave(main({**os.environ, "RESONATE_GROUP": f"worker-{uuid.uuid4().hex[:12]}"}))
