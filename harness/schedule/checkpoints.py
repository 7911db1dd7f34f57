"""The places in a worker's life where a schedule can make it die, in the order of a record's life.

Before and after each boundary between the worker and the world. The agent finds them by wrapping
the SDK and the Kafka client. A schedule may only use names that a calm run of its load reaches.
"""

CHECKPOINTS: tuple[str, ...] = (
    "record.polled",
    "workflow.begin.sent",
    "workflow.begin.confirmed",
    "offset.commit.sent",
    "offset.commit.confirmed",
    "task.acquired",
    "step.started",
    "step.effect_done",
    "step.settle.sent",
    "step.settle.confirmed",
    "sleep.suspended",
    "sleep.woken",
    "publish.sent",
    "publish.accepted",
    "workflow.settle.sent",
    "workflow.settle.confirmed",
    "dead_letter.accepted",
    "rebalance.revoked",
    "shutdown.begun",
)
