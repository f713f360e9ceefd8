"""The handshake, who may say what when, and what is answered to what cannot be understood."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol import (
    CHUNK_BYTES,
    EVENTS,
    MAX_MESSAGE_BYTES,
    REQUESTS,
    Cancelled,
    ContentError,
    Conversation,
    DecodeError,
    Done,
    Failure,
    GetStatus,
    Goodbye,
    Hello,
    Limits,
    ListModels,
    Models,
    Need,
    OutOfTurn,
    Overrun,
    PreviewPicture,
    Progress,
    ProtocolError,
    Query,
    Queued,
    Refused,
    Unreadable,
    Version,
    VersionMismatch,
    Welcome,
    content_name,
    encode_chunk,
    encode_message,
    failure_of,
)
from protocol.conversation import MAX_UNREAD, MAX_UNREAD_CONTENTS

JOB_ID = "00112233445566778899aabbccddeeff"
HELLO, WELCOME = encode_message(Hello("an installation")), encode_message(Welcome("a server"))


def conversation(role, greeted=True):
    made = Conversation(role, {}.get)
    if greeted:
        made.receive(HELLO if role == "server" else WELCOME)
    return made


def drain(talk):
    frames = []
    while (frame := talk.next_frame()) is not None:
        frames.append(frame)
    return frames


def test_a_greeting_as_bytes():
    client, server = conversation("client", greeted=False), conversation("server", greeted=False)
    client.send(Hello("an installation", "a client"))
    frame = client.next_frame()
    assert (
        frame == '{"type":"hello","installation":"an installation","client":"a client","version":{"major":1,"minor":4}}'
    )
    assert not server.greeted
    assert server.receive(frame) == [Hello("an installation", "a client")]
    assert server.greeted
    server.send(Welcome("a server", limits=Limits(steps=50)))
    assert client.receive(server.next_frame()) == [Welcome("a server", limits=Limits(steps=50))]
    assert client.greeted
    assert client.limits.steps == 50


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize(
    "version", [{"major": 0, "minor": 9}, {"major": 2, "minor": 0}, {"major": 2, "patch": "x"}, {"major": -5}]
)
def test_another_major_version_says_which_side_to_update(role, version):
    # whatever else another major version has made of its greeting
    greeting = {"type": "hello" if role == "server" else "welcome", "version": version, "installation": ["changed"]}
    talk = conversation(role, greeted=False)
    with pytest.raises(VersionMismatch) as caught:
        talk.receive(json.dumps(greeting))
    they_are_older = version["major"] < 1
    plugin_is_older = they_are_older == (role == "server")
    assert str(caught.value).endswith(
        f"the {'painting program' if plugin_is_older else 'backend'}"
        + ("'s plugin needs an update." if plugin_is_older else " needs an update.")
    )
    assert not talk.greeted
    (goodbye,) = drain(talk)
    assert json.loads(goodbye)["failure"]["code"] == "version_mismatch"


@pytest.mark.parametrize("minor", [0, 1, 10**6])
def test_any_minor_version_is_welcome(minor):
    talk = conversation("server", greeted=False)
    assert talk.receive(encode_message(Hello("a", version=Version(1, minor))))
    assert talk.greeted


@pytest.mark.parametrize(
    ("role", "frame"),
    [
        ("server", encode_message(GetStatus())),
        ("server", encode_message(Need(()))),
        ("server", encode_chunk("00" * 32, 0, b"x")),
        ("client", encode_message(Models(()))),
        ("client", encode_chunk("00" * 32, 0, b"x", preview=True)),
    ],
)
def test_nothing_comes_before_the_greeting(role, frame):
    talk = conversation(role, greeted=False)
    with pytest.raises(OutOfTurn):
        talk.receive(frame)


def test_before_the_greeting_an_unknown_request_ends_the_connection():
    talk = conversation("server", greeted=False)
    with pytest.raises(DecodeError):
        talk.receive('{"type":"paint_faster"}')
    (goodbye,) = drain(talk)
    assert json.loads(goodbye)["failure"]["code"] == "unknown_request"


@pytest.mark.parametrize(("role", "frame"), [("server", HELLO), ("client", WELCOME)])
def test_nobody_greets_twice(role, frame):
    with pytest.raises(OutOfTurn, match="second greeting"):
        conversation(role).receive(frame)


@pytest.mark.parametrize("role", ["client", "server"])
def test_a_goodbye_may_come_first_and_is_the_last_thing_heard(role):
    talk = conversation(role, greeted=False)
    goodbye = Goodbye(Failure("full", "Too many clients.", "Close one."))
    assert talk.receive(encode_message(goodbye)) == [goodbye]
    assert not talk.greeted
    assert talk.receive(HELLO) == talk.receive("no message at all") == talk.receive(b"nor a chunk") == []
    assert drain(talk) == []


def test_after_an_error_there_is_one_goodbye_and_nothing_large():
    content = bytes(3 * CHUNK_BYTES)
    name = content_name(content)
    talk = Conversation("server", {name: content}.get)
    talk.receive(HELLO)
    talk.send(Welcome("a server"))
    talk.receive(encode_message(Need((name,))))
    for _ in range(3):
        with contextlib.suppress(DecodeError):
            assert talk.receive("no message") == []
    welcome, goodbye = drain(talk)
    assert json.loads(welcome)["type"] == "welcome"
    assert json.loads(goodbye) == {
        "type": "goodbye",
        "failure": {
            "code": "bad_message",
            "happened": "A message was not understood: no JSON: Expecting value: line 1 column 1 (char 0) at $.",
            "remedy": "Update both halves of Scumble to the same version; if they are, this is a fault worth reporting.",
        },
    }


@pytest.mark.parametrize("role", ["client", "server"])
def test_nothing_large_makes_a_goodbye_wait(role, picture_of):
    content = bytes(3 * CHUNK_BYTES)
    talk = Conversation(role, {content_name(content): content}.get)
    talk.receive(HELLO if role == "server" else WELCOME)
    talk.receive(encode_message(Need((content_name(content),))))
    talk.send_preview(picture_of(b"abc", JOB_ID, 0), b"abc")
    talk.send(Goodbye(Failure("server_stopping", "The backend was stopped.", "Start it again.")))
    assert [json.loads(frame)["type"] for frame in drain(talk)] == ["goodbye"]
    assert talk.receive("no message") == []


def test_an_unknown_request_is_refused_by_name_and_the_connection_goes_on():
    talk = conversation("server")
    (unreadable,) = talk.receive('{"type":"paint_faster","id":"' + JOB_ID + '"}')
    assert isinstance(unreadable, Unreadable)
    assert unreadable.refused.request == "paint_faster"
    assert unreadable.refused.id == JOB_ID
    assert unreadable.refused.failure.code == "unknown_request"
    assert drain(talk) == [encode_message(unreadable.refused)]
    assert talk.receive(encode_message(GetStatus())) == [GetStatus()]


def test_a_request_with_a_wrong_field_is_refused_with_its_path_and_job():
    talk = conversation("server")
    frame = {"type": "submit", "job": {"id": JOB_ID, "extent": {"width": 8, "height": 8}, "style": {"steps": "20"}}}
    (unreadable,) = talk.receive(json.dumps(frame))
    assert unreadable.refused.request == "submit"
    assert unreadable.refused.id == JOB_ID
    assert unreadable.refused.failure.code == "bad_message"
    assert "expected int, got str at $.job.style.steps" in unreadable.refused.failure.happened
    assert talk.receive(encode_message(GetStatus())) == [GetStatus()]


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"\\ud800","id":"\\udfff"}',
        '{"type":"' + "x" * 1000 + '","id":"' + "y" * 1000 + '"}',
        '{"type":"cancel","id":"\\ud800"}',
        '{"type":"cancel","id":["x"]}',
        '{"type":"submit","job":{"id":"\\ud800"}}',
        '{"type":"submit","job":[]}',
        '{"type":"need","contents":["../../etc/passwd"]}',
        '{"type":"\\u0000"}',
    ],
)
def test_a_refusal_can_always_be_sent(frame):
    talk = conversation("server")
    assert talk.receive(frame)
    (refused,) = drain(talk)
    assert len(refused.encode("utf-8")) < 4096
    (heard,) = conversation("client").receive(refused)
    assert isinstance(heard, Refused)


def test_an_unknown_event_is_ignored():
    talk = conversation("client")
    assert talk.receive('{"type":"paint_dried","id":5}') == []
    assert talk.receive(encode_message(Models(()))) == [Models(())]
    assert drain(talk) == []


def test_a_known_event_with_a_wrong_field_ends_the_connection():
    talk = conversation("client")
    with pytest.raises(DecodeError, match="expected array, got object at"):
        talk.receive('{"type":"models","models":{}}')


def test_a_client_takes_no_requests_and_a_server_no_events():
    (unreadable,) = conversation("server").receive(encode_message(Models(())))
    assert unreadable.refused.failure.code == "unknown_request"
    assert conversation("client").receive(encode_message(ListModels())) == []


def test_a_message_above_what_the_server_announced_ends_the_connection():
    talk = Conversation("server", {}.get, Limits(message_bytes=500))
    talk.receive(HELLO)
    with pytest.raises(DecodeError, match="at most 500 are allowed"):
        talk.receive(encode_message(Query((JOB_ID,) * 20)))


def test_a_client_takes_more_than_its_server_does():
    talk = conversation("client", greeted=False)
    talk.receive(encode_message(Welcome("a server", limits=Limits(message_bytes=10))))
    assert talk.receive(encode_message(Models(()))) == [Models(())]


def test_previews_of_a_slow_reader_are_dropped_but_the_newest(wire, picture_of):
    ends = wire()
    other = "f" * 32
    for step in range(5):
        content = bytes([step] * 3)
        ends.server.send_preview(picture_of(content, JOB_ID, step), content)
    ends.server.send_preview(picture_of(b"abc", other, 0), b"abc")
    heard, _ = ends.run()
    assert heard == [
        PreviewPicture(picture_of(b"\4\4\4", JOB_ID, 4), b"\4\4\4"),
        PreviewPicture(picture_of(b"abc", other, 0), b"abc"),
    ]


@pytest.mark.parametrize("end", [Cancelled(JOB_ID), Done(JOB_ID, ())], ids=["cancelled", "done"])
def test_no_preview_and_no_progress_come_after_the_end(wire, picture_of, end):
    ends = wire()
    ends.server.send(Progress(JOB_ID, 0.1, "painting"))
    ends.server.send_preview(picture_of(b"abc", JOB_ID, 0), b"abc")
    ends.server.send(Progress(JOB_ID, 0.2, "painting"))
    ends.server.send(end)
    ends.server.send(Progress(JOB_ID, 0.3, "loading"))
    heard, _ = ends.run()
    assert heard == [Progress(JOB_ID, 0.2, "painting"), end, Progress(JOB_ID, 0.3, "loading")]


def test_a_dropped_preview_never_leaves(wire, picture_of):
    ends = wire()
    ends.server.send_preview(picture_of(b"abc", JOB_ID, 0), b"abc")
    ends.server.drop_preview(JOB_ID)
    assert ends.run() == ([], [])


def test_a_message_never_parts_a_preview_from_its_pixels(wire, picture_of):
    ends = wire()
    ends.server.send_preview(picture_of(b"abc", JOB_ID, 0), b"abc")
    frames = [ends.server.next_frame()]
    ends.server.send(Queued(JOB_ID, 1))
    frames += drain(ends.server)
    assert [type(frame) for frame in frames] == [str, bytes, str]
    heard = [news for frame in frames for news in ends.client.receive(frame)]
    assert heard == [PreviewPicture(picture_of(b"abc", JOB_ID, 0), b"abc"), Queued(JOB_ID, 1)]


def test_a_preview_that_is_not_what_it_says_is_refused_on_both_sides(picture_of):
    with pytest.raises(ValueError, match="not what its raster declares"):
        conversation("server").send_preview(picture_of(b"abc", JOB_ID, 0), b"abd")
    with pytest.raises(ValueError, match="at most"):
        conversation("server").send_preview(picture_of(b"abc", JOB_ID, 0), bytes(CHUNK_BYTES + 1))
    preview = picture_of(b"abc", JOB_ID, 0)
    for frame, error in (
        (encode_chunk(preview.image.content, 0, b"abd", preview=True), ContentError),
        (encode_chunk("00" * 32, 0, b"abc", preview=True), ProtocolError),
        (encode_chunk(preview.image.content, 0, b"abcd", preview=True), ProtocolError),
    ):
        client = conversation("client")
        assert client.receive(encode_message(preview)) == []
        with pytest.raises(error):
            client.receive(frame)
    with pytest.raises(ProtocolError, match="without its message"):
        conversation("client").receive(encode_chunk(preview.image.content, 0, b"abc", preview=True))


def test_progress_that_nobody_reads_does_not_pile_up():
    talk = conversation("server")
    for step in range(1000):
        talk.send(Progress(JOB_ID, step / 1000, "painting", step=step))
        talk.send(Queued("f" * 32, step))
    assert drain(talk) == [
        encode_message(Progress(JOB_ID, 0.999, "painting", step=999)),
        encode_message(Queued("f" * 32, 999)),
    ]
    talk.send(Progress(JOB_ID, 1.0, "decoding"))
    assert len(drain(talk)) == 1


def test_a_client_that_asks_and_never_reads_is_sent_away():
    talk = conversation("server")
    for _ in range(MAX_UNREAD):
        talk.receive('{"type":"paint_faster"}')
    with pytest.raises(Overrun):
        talk.receive('{"type":"paint_faster"}')
    assert json.loads(drain(talk)[-1])["failure"]["code"] == "overrun"


def test_a_client_that_needs_without_end_is_sent_away():
    talk = conversation("server")
    for start in range(0, MAX_UNREAD_CONTENTS - 250, 250):
        talk.receive(encode_message(Need(tuple(f"{name:064x}" for name in range(start, start + 250)))))
    with pytest.raises(Overrun):
        talk.receive(encode_message(Need(tuple(f"{name:064x}" for name in range(10**6, 10**6 + 251)))))


def test_every_error_can_be_told():
    for error in (OutOfTurn("x"), Overrun("x"), ContentError("x"), DecodeError("x"), VersionMismatch("X.")):
        failure = failure_of(error)
        assert failure.happened.endswith(".")
        assert failure.remedy


states = st.lists(
    st.sampled_from(
        [
            HELLO,
            WELCOME,
            encode_message(GetStatus()),
            encode_message(Need(("00" * 32,))),
            encode_message(Models(())),
            '{"type":"paint_faster"}',
        ]
    ),
    max_size=3,
)
frames = (
    st.text()
    | st.binary(max_size=120)
    | st.binary(min_size=46, max_size=90).map(lambda rest: b"SCMB\x01\x00\x00\x00" + rest)
    | st.binary(min_size=46, max_size=90).map(lambda rest: b"SCMB\x01\x01\x00\x00" + rest)
    | st.builds(
        lambda name, rest: json.dumps(rest | {"type": name}),
        st.sampled_from(sorted({*REQUESTS, *EVENTS})),
        st.dictionaries(
            st.sampled_from(["id", "job", "version", "contents", "image"]), st.text() | st.integers() | st.none()
        ),
    )
    | st.one_of(*(st.from_type(cls).map(encode_message) for cls in {**REQUESTS, **EVENTS}.values()))
)


@given(st.sampled_from(["client", "server"]), states, st.lists(frames, min_size=1, max_size=4))
@example("server", [], ["x" * (MAX_MESSAGE_BYTES + 1)])
def test_whatever_comes_in_whatever_state_is_heard_or_ends_in_a_documented_error(role, before, later):
    talk = Conversation(role, {"00" * 32: b"pixels"}.get)
    talk.send(Hello("a") if role == "client" else Welcome("a"))
    for frame in (*before, *later):
        with contextlib.suppress(ProtocolError):
            talk.receive(frame)
    for frame in drain(talk):
        assert len(frame if isinstance(frame, bytes) else frame.encode("utf-8")) <= MAX_MESSAGE_BYTES
