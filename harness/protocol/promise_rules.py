"""What is refused of a promise, an address and a search by the request alone.

Reads requests and values. See rules, which applies them. A rule takes the data of a request and
returns the text it is refused with, or None.

The separators are those of 0.10 of the protocol: `origin:lineage.lineage`.
"""

import re
from collections.abc import Callable
from typing import Any

from harness.protocol.requests import (
    PromiseCreate,
    PromiseGet,
    PromiseRegisterCallback,
    PromiseRegisterListener,
    PromiseSearch,
    PromiseSettle,
    TaskSearch,
)
from harness.protocol.values import BRANCH, DELAY, I64_MAX, ORIGIN, TARGET, origin_of

type Rule = Callable[[Any], str | None]

# What the published server's parser takes for a whole number: ASCII digits, a sign, 64 bits.
_WHOLE_NUMBER = re.compile(r"\+?[0-9]{1,19}|-0{1,19}", re.ASCII)
_POLL_ADDRESS = re.compile(r"poll://(uni|any)@[^\s/?#@:\\<>^|%\[\]]+(/[^?#\s]*)?")
_OTHER_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*|gcps://[^\s/?#]+/[^\s?#]+|bash://\S*")
_LONGEST_PAGE = 1000


def promise_id_is_given(data: PromiseGet | PromiseCreate | PromiseSettle) -> str | None:
    """`promise.*`: the id is not empty."""
    return None if data.id else "Promise ID is required"


# --- promise.create --------------------------------------------------------------------------


def timeout_is_not_negative(data: PromiseCreate) -> str | None:
    """`promise.create`: `timeoutAt` is 0 or more."""
    return None if data.timeout_at >= 0 else "TimeoutAt must be a non-negative integer"


def id_holds_no_nul(data: PromiseCreate) -> str | None:
    """`promise.create`: no NUL in the id."""
    return "Promise ID must not contain null bytes" if "\0" in data.id else None


def id_extends_its_origin(data: PromiseCreate) -> str | None:
    """`promise.create`: the origin holds no ':', and the id is it, or begins with it and ':'."""
    origin = data.tags.get(ORIGIN)
    if origin is None:
        return None
    if ":" in origin:
        return "resonate:origin must not contain ':'"
    if data.id == origin or data.id.startswith(f"{origin}:"):
        return None
    return "Promise ID must be prefixed by resonate:origin"


def id_extends_its_branch(data: PromiseCreate) -> str | None:
    """`promise.create`: the id is `resonate:branch` or lies below it."""
    return _extends(data, BRANCH)


def id_extends_its_parent(data: PromiseCreate) -> str | None:
    """`promise.create`: the id is `resonate:parent` or lies below it."""
    return _extends(data, "resonate:parent")


def _extends(data: PromiseCreate, tag: str) -> str | None:
    """Below an origin stands ':', below anything deeper '.'."""
    ancestor = data.tags.get(tag)
    if ancestor is None or data.id == ancestor:
        return None
    separator = "." if ":" in ancestor else ":"
    if data.id.startswith(f"{ancestor}{separator}"):
        return None
    return f"Promise ID must be prefixed by {tag}"


def prefix_holds_no_separator(data: PromiseCreate) -> str | None:
    """`promise.create`: no ':' in `resonate:prefix`."""
    if ":" in data.tags.get("resonate:prefix", ""):
        return "resonate:prefix must not contain ':'"
    return None


def delay_is_sound(data: PromiseCreate) -> str | None:
    """`promise.create`: a delay is a whole number ≥ 0, before the timeout, and has a target."""
    text = data.tags.get(DELAY)
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > I64_MAX:
        return "resonate:delay must be a non-negative integer"
    if int(text) >= data.timeout_at:
        return "resonate:delay must be less than timeoutAt"
    if TARGET not in data.tags:
        return "resonate:delay requires a resonate:target tag"
    return None


def target_is_an_address(data: PromiseCreate) -> str | None:
    """`promise.create`: what stands in `resonate:target` is an address of a known scheme."""
    target = data.tags.get(TARGET)
    return None if target is None or is_address(target) else "Invalid resonate:target address"


def is_address(text: str) -> bool:
    """An address of the published schemes, whoever may deliver to it."""
    return bool(_POLL_ADDRESS.fullmatch(text) or _OTHER_ADDRESS.fullmatch(text))


PROMISE_CREATE: tuple[Rule, ...] = (
    promise_id_is_given,
    timeout_is_not_negative,
    id_holds_no_nul,
    id_extends_its_origin,
    id_extends_its_branch,
    id_extends_its_parent,
    prefix_holds_no_separator,
    delay_is_sound,
    target_is_an_address,
)


# --- promise.register_callback, and each action of task.suspend ------------------------------


def callback_names_both(data: PromiseRegisterCallback) -> str | None:
    """`promise.register_callback`: neither id is empty."""
    if not data.awaited:
        return "Awaited promise ID is required"
    return None if data.awaiter else "Awaiter promise ID is required"


def callback_joins_two_of_one_origin(data: PromiseRegisterCallback) -> str | None:
    """`promise.register_callback`: nothing awaits itself, nor what is of another origin."""
    if data.awaited == data.awaiter:
        return "Awaited and awaiter must be different promises"
    if origin_of(data.awaited) != origin_of(data.awaiter):
        return "Awaiter and awaited must belong to the same origin"
    return None


# --- promise.register_listener ---------------------------------------------------------------


def listener_names_both(data: PromiseRegisterListener) -> str | None:
    """`promise.register_listener`: a promise and an address."""
    if not data.awaited:
        return "Awaited promise ID is required"
    return None if data.address else "Address is required"


def listener_has_an_address(data: PromiseRegisterListener) -> str | None:
    """`promise.register_listener`: the address is of a known scheme."""
    return None if is_address(data.address) else "Invalid listener address"


# --- promise.search, task.search -------------------------------------------------------------


def page_is_of_a_sound_length(data: PromiseSearch | TaskSearch) -> str | None:
    """`*.search`: 1 to 1000 records a page."""
    if data.limit is None:
        return None
    if data.limit < 1:
        return "Limit must be a positive integer"
    if data.limit > _LONGEST_PAGE:
        return f"Invalid 'limit' — must be between 1 and {_LONGEST_PAGE}"
    return None


def first(rules: tuple[Rule, ...], data: object) -> str | None:
    """The text of the first rule that `data` breaks."""
    for rule in rules:
        text = rule(data)
        if text is not None:
            return text
    return None
