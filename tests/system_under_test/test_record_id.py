"""Every record id has a promise id of its own, and every message is a record or poison."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resonate.ids import validate_root_id

from system_under_test.record_id import (
    MAX_KEY_BYTES,
    MAX_VALUE_BYTES,
    Poison,
    Record,
    promise_id_of,
    read_message,
    record_id_of,
)

RECORD_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(RECORD_IDS)
def test_a_promise_id_leads_back_to_its_record_id(record_id: str) -> None:
    assert record_id_of(promise_id_of(record_id)) == record_id
    assert unquote(promise_id_of(record_id), errors="strict") == record_id


@given(RECORD_IDS)
def test_a_promise_id_is_one_that_the_server_and_the_stream_can_carry(record_id: str) -> None:
    promise_id = promise_id_of(record_id)
    assert validate_root_id(promise_id) == promise_id
    assert all("!" <= character <= "~" for character in promise_id)


@given(RECORD_IDS, RECORD_IDS)
def test_distinct_record_ids_stay_distinct(one: str, other: str) -> None:
    assert (promise_id_of(one) == promise_id_of(other)) == (one == other)


def test_a_plain_record_id_stays_as_it_is() -> None:
    assert promise_id_of("order-17.b_2/x") == "order-17.b_2/x"


def test_a_colon_and_a_percent_sign_are_encoded() -> None:
    assert promise_id_of("a:b%3A") == "a%3Ab%253A"


def test_a_line_separator_within_an_id_does_not_reach_the_event_stream() -> None:
    assert promise_id_of("a\u2028b\n") == "a%E2%80%A8b%0A"


@pytest.mark.parametrize("text", ["", "a:b", "%3a", "%", "%41", "a b", "%FF", "é"])
def test_what_was_never_encoded_here_is_not_decoded(text: str) -> None:
    with pytest.raises(ValueError, match=r"not the promise id|codec can't decode"):
        record_id_of(text)


@given(RECORD_IDS.filter(lambda text: len(text.encode()) <= MAX_KEY_BYTES))
def test_a_key_alone_says_everything(record_id: str) -> None:
    assert read_message(record_id.encode(), None) == Record(record_id)
    assert read_message(record_id.encode(), b"") == Record(record_id)


def test_further_fields_of_a_value_are_ignored() -> None:
    value = json.dumps({"record_id": "a:b", "rows": [1, None]}).encode()
    assert read_message(b"a:b", value) == Record("a:b")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (None, None, "key is missing"),
        (b"", b"{}", "key is empty"),
        (b"a\0b", None, "key contains NUL"),
        (b"\xff", None, "key is not UTF-8"),
        (b"\xed\xa0\x80", None, "key is not UTF-8"),
        (b"k" * (MAX_KEY_BYTES + 1), None, "key is too long"),
        (b"k" * 1_000_000, None, "key is too long"),
        (b"k", b"\xff\xfe", "value is not UTF-8"),
        (b"k", b"no json", "value is not JSON"),
        (b"k", b" ", "value is not JSON"),
        (b"k", b'{"record_id": "k"', "value is not JSON"),
        (b"k", b"[" * 60_000, "value is not JSON"),
        (b"k", b'"k"', "value is not a JSON object"),
        (b"k", b"null", "value is not a JSON object"),
        (b"k", b"{}", "value names another record"),
        (b"k", b'{"record_id": "K"}', "value names another record"),
        (b"1", b'{"record_id": 1}', "value names another record"),
        (b"k", b'{"record_id": null}', "value names another record"),
        (b"k", b"x" * (MAX_VALUE_BYTES + 1), "value is too long"),
    ],
)
def test_poison_has_a_short_stable_reason(
    key: bytes | None, value: bytes | None, reason: str
) -> None:
    assert read_message(key, value) == Poison(reason)


@given(st.none() | st.binary(), st.none() | st.binary())
def test_no_message_at_all_is_an_exception(key: bytes | None, value: bytes | None) -> None:
    assert isinstance(read_message(key, value), Record | Poison)
