"""What is refused by looking at a request alone: 400, with the published text.

Reads requests, promise_rules, task_rules. Applied by machine before anything else, so a refusal of
this kind has not even settled what was overdue. The first broken rule is the answer; the published
server joins several texts with "; " in no fixed order, so whole texts compare only where one rule
is broken.
"""

from harness.protocol import promise_rules as promise
from harness.protocol import requests as r
from harness.protocol import task_rules as task
from harness.protocol.promise_rules import Rule, first
from harness.protocol.replies import Answer

_VERSIONED: tuple[Rule, ...] = (task.task_id_is_given, task.version_is_not_negative)

RULES: dict[type, tuple[Rule, ...]] = {
    r.PromiseGet: (promise.promise_id_is_given,),
    r.PromiseCreate: promise.PROMISE_CREATE,
    r.PromiseSettle: (promise.promise_id_is_given,),
    r.PromiseRegisterCallback: (
        promise.callback_names_both,
        promise.callback_joins_two_of_one_origin,
    ),
    r.PromiseRegisterListener: (promise.listener_names_both, promise.listener_has_an_address),
    r.PromiseSearch: (promise.page_is_of_a_sound_length,),
    r.TaskGet: (task.task_id_is_given,),
    r.TaskCreate: (
        task.pid_is_given,
        task.ttl_is_positive,
        task.created_promise_is_sound,
        task.created_task_has_a_target,
        task.created_task_is_not_delayed,
    ),
    r.TaskAcquire: (*_VERSIONED, task.pid_is_given, task.ttl_is_positive),
    r.TaskRelease: _VERSIONED,
    r.TaskFulfill: (*_VERSIONED, task.fulfilled_promise_is_the_tasks_own),
    r.TaskSuspend: (
        *_VERSIONED,
        task.suspension_awaits_something,
        task.every_callback_is_sound,
        task.every_awaiter_is_the_task,
        task.nothing_is_awaited_twice,
    ),
    r.TaskFence: (
        *_VERSIONED,
        task.fenced_action_is_not_the_task,
        task.fenced_action_is_sound,
        task.fenced_action_is_of_the_tasks_origin,
    ),
    r.TaskHeartbeat: (
        task.pid_is_given,
        task.heartbeat_names_a_task,
        task.heartbeat_is_of_one_origin,
    ),
    r.TaskHalt: (task.task_id_is_given,),
    r.TaskContinue: (task.task_id_is_given,),
    r.TaskSearch: (promise.page_is_of_a_sound_length,),
    r.DebugStart: (),
    r.DebugStop: (),
    r.DebugReset: (),
    r.DebugSnap: (),
    r.DebugTick: (),
}


def check(data: r.Data) -> Answer | None:
    """Refuse `data` by the first rule of its kind that it breaks."""
    text = first(RULES[type(data)], data)
    return None if text is None else Answer(400, text)
