"""Every message survives the road; what is missing, unknown or wrong is dealt with as the contract says."""

import dataclasses
import json
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import (
    EVENTS,
    MAX_NAME_CHARS,
    MAX_NEED_CONTENTS,
    MAX_PATH_CHARS,
    MAX_QUERY_IDS,
    MAX_STYLES,
    REQUESTS,
    Acknowledge,
    Cancel,
    DecodeError,
    End,
    Event,
    Failure,
    Hello,
    Need,
    Query,
    Request,
    Style,
    Styles,
    Submit,
    decode_message,
    encode_message,
)

TABLES = [(table, name) for table in (REQUESTS, EVENTS) for name in table]
by_type = pytest.mark.parametrize(("table", "name"), TABLES, ids=[name for _, name in TABLES])

# for each of two dozen messages, and every field is plain
few = settings(max_examples=30)


@by_type
@few
@given(data=st.data())
def test_a_message_arrives_as_it_was_sent(table, name, data):
    message = data.draw(st.from_type(table[name]))
    text = encode_message(message)
    assert json.loads(text)["type"] == name
    arrived = decode_message(text, table)
    assert arrived == message
    # 1 == 1.0 == True to Python: the types must be the same, too
    assert encode_message(arrived) == text


@by_type
@few
@given(data=st.data())
def test_fields_of_a_newer_version_are_ignored(table, name, data):
    message = data.draw(st.from_type(table[name]))
    newer = _with_new_fields(json.loads(encode_message(message)))
    assert decode_message(json.dumps(newer), table) == message


def _with_new_fields(plain):
    if isinstance(plain, dict):
        return {key: _with_new_fields(value) for key, value in plain.items()} | {"of_a_newer_version": [{"a": None}]}
    if isinstance(plain, list):
        return [_with_new_fields(item) for item in plain]
    return plain


@by_type
@few
@given(data=st.data())
def test_a_missing_field_takes_its_default_or_is_named(table, name, data):
    message = data.draw(st.from_type(table[name]))
    plain = json.loads(encode_message(message))
    for field in dataclasses.fields(message):
        rest = {key: value for key, value in plain.items() if key != field.name}
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            with pytest.raises(DecodeError, match=f"missing field '{field.name}' at"):
                decode_message(json.dumps(rest), table)
        else:
            default = field.default if field.default is not dataclasses.MISSING else field.default_factory()
            assert getattr(decode_message(json.dumps(rest), table), field.name) == default


@by_type
@few
@given(data=st.data())
def test_a_value_of_another_type_is_refused_with_its_path(table, name, data):
    plain = json.loads(encode_message(data.draw(st.from_type(table[name]))))
    fields = sorted(plain.keys() - {"type"})
    if not fields:
        return
    field = data.draw(st.sampled_from(fields))
    hint = typing.get_type_hints(table[name])[field]
    # an object of no known fields is no value of any type but one whose fields all have defaults
    wrong = data.draw(st.sampled_from([[[]], {}, True, "\ud800"]))
    if (wrong is True and hint is bool) or (wrong == {} and dataclasses.is_dataclass(hint)):
        return
    with pytest.raises(DecodeError) as caught:
        decode_message(json.dumps(plain | {field: wrong}), table)
    assert caught.value.path.startswith(f"$.{field}")


def test_the_tables_and_the_unions_name_the_same_messages():
    assert set(REQUESTS.values()) == set(typing.get_args(Request))
    assert set(EVENTS.values()) == set(typing.get_args(Event))
    assert set(typing.get_args(End)) < set(EVENTS.values())


@by_type
def test_no_field_hides_the_type(table, name):
    assert "type" not in {field.name for field in dataclasses.fields(table[name])}


@by_type
def test_a_message_is_frozen(table, name):
    assert table[name].__dataclass_params__.frozen


@pytest.mark.parametrize("make", [Cancel, Acknowledge, lambda job_id: Query((job_id,))])
@pytest.mark.parametrize("job_id", ["", "0" * 31, "0" * 33, "A" * 32, "0" * 31 + "\n", "../" + "0" * 29, "é" * 32])
def test_only_a_job_id_names_a_job(make, job_id):
    with pytest.raises(ValueError, match="32 lower-case hexadecimal digits"):
        make(job_id)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 63, "0" * 65, "F" * 64, "0" * 64 + "\n"])
def test_only_a_content_hash_can_be_needed(name):
    with pytest.raises(ValueError, match="64 lower-case hexadecimal digits"):
        Need((name,))


def test_lists_have_a_bound():
    assert Need(("0" * 64,) * MAX_NEED_CONTENTS)
    with pytest.raises(ValueError, match=f"at most {MAX_NEED_CONTENTS} contents"):
        Need(("0" * 64,) * (MAX_NEED_CONTENTS + 1))
    assert Query(("0" * 32,) * MAX_QUERY_IDS)
    with pytest.raises(ValueError, match=f"at most {MAX_QUERY_IDS} ids"):
        Query(("0" * 32,) * (MAX_QUERY_IDS + 1))


def test_a_list_of_styles_has_a_bound_and_names_that_tell_them_apart():
    styles = tuple(Style(str(number)) for number in range(MAX_STYLES + 1))
    problems = (Failure("bad_style", "It is no TOML.", "Mend it."),) * (MAX_STYLES + 1)
    assert Styles(styles[1:], "a" * MAX_PATH_CHARS, problems[1:])
    for make, says in (
        (lambda: Styles(styles), f"at most {MAX_STYLES} styles"),
        (lambda: Styles((), problems=problems), f"at most {MAX_STYLES} problems"),
        (lambda: Styles((), "a" * (MAX_PATH_CHARS + 1)), "folder must have at most"),
        (lambda: Styles((Style(""),)), "a name of its own"),
        (lambda: Styles((Style("one"), Style("one", steps=2))), "a name of its own"),
    ):
        with pytest.raises(ValueError, match=says):
            make()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Hello(""), "installation must have 1 to"),
        (lambda: Hello("a" * (MAX_NAME_CHARS + 1)), "installation must have 1 to"),
        (lambda: Hello("a", "b" * (MAX_NAME_CHARS + 1)), "client must have at most"),
    ],
)
def test_names_in_a_greeting_have_a_bound(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_an_example_as_bytes():
    frame = (
        '{"type":"submit","job":{"id":"00112233445566778899aabbccddeeff","extent":{"width":512,"height":512},'
        '"prompt":"a red apple","style":{"steps":20}}}'
    )
    message = decode_message(frame, REQUESTS)
    assert isinstance(message, Submit)
    assert message.job.prompt == "a red apple"
    assert message.job.style.steps == 20
    assert message.job.strength == 1.0
    assert message.job.rasters == ()
