"""What the published server refuses of a promise, and of an address, by the request alone.

See rules, which applies them. A rule takes the data of a request and returns the message it is
refused with, or None.
"""

import re
from collections.abc import Callable
from typing import Any

from harness.infra.embedded.wire import (
    PromiseCreate,
    PromiseGet,
    PromiseRegisterListener,
    PromiseSettle,
)

type Rule = Callable[[Any], str | None]

_WHOLE_NUMBER = re.compile(r"\+?[0-9]{1,19}|-0{1,19}", re.ASCII)
_POLL_ADDRESS = re.compile(r"poll://(uni|any)@[^\s/?#@:\\<>^|%\[\]]+(/[^?#\s]*)?")
_OTHER_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*|gcps://[^\s/?#]+/[^\s?#]+|bash://\S*")
_I64_MAX = 2**63 - 1


def origin_of(promise_id: str) -> str:
    """The lineage that an id belongs to: what stands before its first ':'."""
    return promise_id.split(":", 1)[0]


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
    origin = data.tags.get("resonate:origin")
    if origin is None:
        return None
    if ":" in origin:
        return "resonate:origin must not contain ':'"
    if data.id == origin or data.id.startswith(f"{origin}:"):
        return None
    return "Promise ID must be prefixed by resonate:origin"


def id_extends_its_branch(data: PromiseCreate) -> str | None:
    """`promise.create`: the id is `resonate:branch` or lies below it."""
    return _extends(data, "resonate:branch")


def id_extends_its_parent(data: PromiseCreate) -> str | None:
    """`promise.create`: the id is `resonate:parent` or lies below it."""
    return _extends(data, "resonate:parent")


def _extends(data: PromiseCreate, tag: str) -> str | None:
    """Below an origin stands ':', below anything deeper '.'."""
    ancestor = data.tags.get(tag)
    if ancestor is None or data.id == ancestor:
        return None
    separator = "." if ":" in ancestor else ":"
    return (
        None
        if data.id.startswith(f"{ancestor}{separator}")
        else f"Promise ID must be prefixed by {tag}"
    )


def prefix_holds_no_separator(data: PromiseCreate) -> str | None:
    """`promise.create`: no ':' in `resonate:prefix`."""
    if ":" in data.tags.get("resonate:prefix", ""):
        return "resonate:prefix must not contain ':'"
    return None


def delay_is_sound(data: PromiseCreate) -> str | None:
    """`promise.create`: a delay is a whole number ≥ 0, before the timeout, of a targeted promise.

    As whole number counts what the published server's parser takes: ASCII digits that fit 64 bits.
    """
    text = data.tags.get("resonate:delay")
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > _I64_MAX:
        return "resonate:delay must be a non-negative integer"
    if int(text) >= data.timeout_at:
        return "resonate:delay must be less than timeoutAt"
    if "resonate:target" not in data.tags:
        return "resonate:delay requires a resonate:target tag"
    return None


def target_is_an_address(data: PromiseCreate) -> str | None:
    """`promise.create`: what stands in `resonate:target` is an address of a known scheme."""
    target = data.tags.get("resonate:target")
    return None if target is None or is_address(target) else "Invalid resonate:target address"


def is_address(text: str) -> bool:
    """An address of the published schemes; only `poll://` is also delivered here."""
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


# --- promise.register_listener ---------------------------------------------------------------


def listener_names_both(data: PromiseRegisterListener) -> str | None:
    """`promise.register_listener`: a promise and an address."""
    if not data.awaited:
        return "Awaited promise ID is required"
    return None if data.address else "Address is required"


def listener_has_an_address(data: PromiseRegisterListener) -> str | None:
    """`promise.register_listener`: the address is of a known scheme."""
    return None if is_address(data.address) else "Invalid listener address"


def first(rules: tuple[Rule, ...], data: object) -> str | None:
    return next((m for rule in rules if (m := rule(data)) is not None), None)
