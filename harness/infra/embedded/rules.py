"""What the published server refuses by looking at a request alone, restated.

The vendor's state machine lets these through. Without them a worker could be green here and red on
a real server, so each stands in front of the machine, with a test both ways. The message texts are
the published ones, so that a red run reads the same in both places; the separator is that of 0.10
(`origin:lineage.lineage`).

Reads wire, promise_rules, task_rules. The first message is the answer (400); the published server
joins several with "; ".
"""

from harness.infra.embedded import promise_rules as promise
from harness.infra.embedded import task_rules as task
from harness.infra.embedded.promise_rules import Rule
from harness.infra.embedded.wire import (
    Data,
    PromiseCreate,
    PromiseGet,
    PromiseRegisterListener,
    PromiseSettle,
    Refusal,
    TaskAcquire,
    TaskCreate,
    TaskFence,
    TaskFulfill,
    TaskHeartbeat,
    TaskRelease,
    TaskSuspend,
)

RULES: dict[type, tuple[Rule, ...]] = {
    PromiseGet: (promise.promise_id_is_given,),
    PromiseCreate: promise.PROMISE_CREATE,
    PromiseSettle: (promise.promise_id_is_given,),
    PromiseRegisterListener: (promise.listener_names_both, promise.listener_has_an_address),
    TaskCreate: (
        task.pid_is_given,
        task.ttl_is_positive,
        task.created_promise_is_sound,
        task.created_task_has_a_target,
        task.created_task_is_not_delayed,
    ),
    TaskAcquire: (
        task.task_id_is_given,
        task.version_is_not_negative,
        task.pid_is_given,
        task.ttl_is_positive,
    ),
    TaskRelease: (task.task_id_is_given, task.version_is_not_negative),
    TaskFulfill: (
        task.task_id_is_given,
        task.version_is_not_negative,
        task.fulfilled_promise_is_the_tasks_own,
    ),
    TaskSuspend: (
        task.task_id_is_given,
        task.version_is_not_negative,
        task.suspension_awaits_something,
        task.every_callback_is_sound,
        task.every_awaiter_is_the_task,
        task.nothing_is_awaited_twice,
    ),
    TaskFence: (
        task.task_id_is_given,
        task.version_is_not_negative,
        task.fenced_action_is_not_the_task,
        task.fenced_action_is_sound,
        task.fenced_action_is_of_the_tasks_origin,
    ),
    TaskHeartbeat: (
        task.pid_is_given,
        task.heartbeat_names_a_task,
        task.heartbeat_is_of_one_origin,
    ),
}


def check(data: Data) -> Refusal | None:
    """Refuse `data` by the first rule of its kind that it breaks."""
    for rule in RULES[type(data)]:
        message = rule(data)
        if message is not None:
            return Refusal(400, message)
    return None
