"""docs/protocol.md is what other programs are written from: every message, field, default, bound, code and example in it is held
against the code, so that the page cannot rot.
"""

import ast
import dataclasses
import json
import math
import re
import types
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import protocol
from backend.jobs import admission, attachments, spool
from backend.server import handshake, session
from protocol import (
    EVENTS,
    REQUESTS,
    Bounds,
    Content,
    Context,
    Conversation,
    Done,
    Extent,
    Hello,
    Need,
    PreviewPicture,
    Submit,
    Unreadable,
    content_name,
    context_bounds,
    decode_chunk,
    decode_message,
    encode_message,
    limits,
    to_plain,
)
from protocol.conversation import MAX_UNREAD, MAX_UNREAD_CONTENTS
from protocol.wire import CHUNK_HEADER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text("utf-8")


def sections(text, level):
    """Return {heading: what stands below it} for one level of headings."""
    parts = re.split(rf"^{'#' * level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


CHAPTERS = sections(PAGE, 2)


def rows(text):
    """Return the cells of every row of a section's tables, the headers left out."""
    tables = re.findall(r"^\|[^\n]+\|\n\|[-|]+\|\n((?:\|[^\n]+\|\n)+)", text, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for table in tables for line in table.splitlines()]


def in_words(hint):
    if hint in (str, int, float, bool):
        return {str: "text", int: "integer", float: "number", bool: "bool"}[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return (" or " if len(arguments) < 3 else ", ").join(f'"{choice}"' for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return f"{in_words(next(arg for arg in arguments if arg is not type(None)))} or null"
    if origin is tuple:
        return f"array of {in_words(arguments[0])}"
    return hint.__name__


def default_in_words(field):
    if field.default is not dataclasses.MISSING:
        return f"`{json.dumps(to_plain(field.default))}`"
    return "needed" if field.default_factory is dataclasses.MISSING else "`{}`"


def table_of(cls):
    hints = typing.get_type_hints(cls)
    return [[f"`{f.name}`", in_words(hints[f.name]), default_in_words(f)] for f in dataclasses.fields(cls)]


def described(chapter):
    """Return {name in the heading: section}."""
    found = sections(CHAPTERS[chapter], 3)
    return {re.search(r"`(\w+)`", heading).group(1): text for heading, text in found.items()}


CHAPTER_OF = {"client": ("What the client sends", REQUESTS), "server": ("What the server sends", EVENTS)}


@pytest.mark.parametrize("side", CHAPTER_OF)
def test_every_message_has_its_section_and_no_other_has(side):
    chapter, table = CHAPTER_OF[side]
    assert sorted(described(chapter)) == sorted(table)


@pytest.mark.parametrize(("side", "name"), [(side, name) for side, (_, table) in CHAPTER_OF.items() for name in table])
def test_every_field_of_a_message_is_in_its_table(side, name):
    chapter, table = CHAPTER_OF[side]
    text = described(chapter)[name]
    if side == "server" and name in REQUESTS:
        assert "above](#" in text
        return
    if not dataclasses.fields(table[name]):
        assert "No fields." in text
    assert [row[:3] for row in rows(text)] == table_of(table[name])


def values():
    """Return every dataclass that a message holds."""
    found, waiting = {}, [*REQUESTS.values(), *EVENTS.values()]
    while waiting:
        for hint in typing.get_type_hints(waiting.pop()).values():
            for part in (hint, *typing.get_args(hint)):
                if dataclasses.is_dataclass(part) and part.__name__ not in found:
                    found[part.__name__] = part
                    waiting.append(part)
    return found


def test_every_value_has_its_section_and_no_other_has():
    assert sorted(described("Values")) == sorted(values())


@pytest.mark.parametrize("name", values())
def test_every_field_of_a_value_is_in_its_table(name):
    assert [row[:3] for row in rows(described("Values")[name])] == table_of(values()[name])


BOUNDS = {
    "bytes of a text frame": limits.MAX_MESSAGE_BYTES,
    "bytes of a chunk's payload": limits.CHUNK_BYTES,
    "bytes of any frame": protocol.MAX_FRAME_BYTES,
    "pixels of a raster": limits.MAX_PIXELS,
    "pixels on a side": limits.MAX_SIDE,
    "bytes of an attachment": limits.MAX_CONTENT_BYTES,
    "characters of a prompt, negative prompt or template": limits.MAX_PROMPT_CHARS,
    "characters of a name": limits.MAX_NAME_CHARS,
    "pictures of a job": limits.MAX_COUNT,
    "denoising steps": limits.MAX_STEPS,
    "guidance scale": limits.MAX_GUIDANCE,
    "layers of a picture": limits.MAX_LAYERS,
    "layers that `clip_skip` counts": limits.MAX_CLIP_SKIP,
    "pixels of grow or feather": limits.MAX_MASK_REACH,
    "a seed, and any integer": limits.MAX_INTEGER,
    "content hashes in one `need`": limits.MAX_NEED_CONTENTS,
    "ids in one `query`": limits.MAX_QUERY_IDS,
    "styles in one list, and problems": limits.MAX_STYLES,
    "LoRAs in one list": limits.MAX_LORAS,
    "characters of a prompt that a picture drew": limits.MAX_DRAWN_CHARS,
    "characters of a path": limits.MAX_PATH_CHARS,
    "messages that wait to be read": MAX_UNREAD,
    "contents that wait to be read": MAX_UNREAD_CONTENTS,
    "jobs of one installation that have not ended": limits.Limits().queued_jobs,
    "jobs of all installations that have not ended": admission.MAX_WAITING,
    "bytes of the pictures of one job": admission.MAX_RESULT_BYTES,
    "bytes of the attachments of all jobs that have not ended": attachments.HELD_BYTES,
    "bytes of attachments kept for later jobs": attachments.KEPT_BYTES,
    "ends kept until they are acknowledged": spool.SPOOL_ENDS,
    "bytes of the pictures in them": spool.SPOOL_BYTES,
    "seconds for which they are kept": spool.SPOOL_SECONDS,
    "connections": handshake.MAX_SESSIONS,
    "seconds from the handshake to `hello`": session.HELLO_SECONDS,
    "seconds for which a client may take none of what waits for it": session.STALL_SECONDS,
}


def test_the_bounds_are_those_of_the_code():
    assert {row[0]: float(row[1]) for row in rows(CHAPTERS["Limits"])} == BOUNDS
    assert limits.MAX_SEED == limits.MAX_INTEGER


NEVER_TRAVEL = {
    # said by `scumble` itself, to whoever started it
    "backend/cli",
    "backend/client.py",
    "backend/pixels/errors.py",
    # a server that cannot start has nobody to say it to
    "backend/server/discovery.py",
    "backend/server/handshake.py",
    "backend/server/instance.py",
    "backend/server/private.py",
    "backend/server/token.py",
}
NEVER_TRAVEL_CODES = {"no_port"}


def codes_in(source):
    """Return the first argument of every call of Failure, and of what stands in a table of codes."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Failure":
            first = node.args[0] if node.args else next(word.value for word in node.keywords if word.arg == "code")
            if isinstance(first, ast.Constant):
                found.add(first.value)
    return found


def codes_of_the_code():
    found = set()
    for room in ("backend", "protocol"):
        for path in (ROOT / room).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if not any(name == left_out or name.startswith(left_out + "/") for left_out in NEVER_TRAVEL):
                found |= codes_in(path.read_text("utf-8"))
    # made by failure_of from the kind of error, and by the painter's side for itself
    return (found | {"out_of_turn", "overrun", "bad_content"}) - {"result_gone"} - NEVER_TRAVEL_CODES


def test_every_failure_code_is_named_and_no_other_is():
    named = {row[0].strip("`") for row in rows(CHAPTERS["What can go wrong"])}
    assert named == codes_of_the_code()


def test_the_header_of_a_chunk_is_the_one_in_the_table():
    layout = [(int(row[0]), int(row[1])) for row in rows(CHAPTERS["Frames"])]
    assert layout == [(0, 4), (4, 1), (5, 1), (6, 2), (8, 32), (40, 4), (44, 8)]
    assert sum(size for _, size in layout) == CHUNK_HEADER.size


def test_the_layouts_of_pixels_are_those_of_the_code():
    cells = {row[0].strip("`"): row[1] for row in rows(CHAPTERS["Pixels, colours and masks"])}
    orders = {order: len(cells[order].split(", ")) for order in protocol.ORDER_CHANNELS}
    depths = {depth: int(cells[depth]) for depth in protocol.DEPTH_BYTES}
    assert orders == protocol.ORDER_CHANNELS
    assert depths == protocol.DEPTH_BYTES
    assert cells.keys() == {"order", "depth"} & cells.keys() | orders.keys() | depths.keys()


@given(
    st.builds(Extent, st.integers(1, 3000), st.integers(1, 3000)),
    st.builds(Bounds, st.integers(-2000, 2999), st.integers(-2000, 2999), st.integers(1, 3000), st.integers(1, 3000)),
    st.builds(Context, st.floats(0, 4), st.integers(1, 1024)),
)
def test_the_formula_for_the_context_is_the_one_of_the_code(canvas, selection, context):
    def span(start, length, wanted, limit):
        size = min(wanted, limit)
        return min(max(0, start - math.floor((size - length) / 2)), limit - size), size

    inside = selection.intersection(Bounds.of(canvas))
    if inside is None:
        return
    longest = max(inside.width, inside.height)
    side = max(longest + 2 * math.ceil(context.padding * longest), context.minimum)
    x, width = span(inside.x, inside.width, side, canvas.width)
    y, height = span(inside.y, inside.height, side, canvas.height)
    assert context_bounds(canvas, selection, context) == Bounds(x, y, width, height)


TRANSCRIPTS = re.findall(r"^```transcript\n(.+?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
LINES = [(line[0], line[2:]) for transcript in TRANSCRIPTS for line in transcript.splitlines()]


def keys_of(plain):
    """Return the path of every key in a plain value."""
    if isinstance(plain, dict):
        return {f".{key}" for key in plain} | {
            f".{key}{rest}" for key, value in plain.items() for rest in keys_of(value)
        }
    if isinstance(plain, list):
        return {f"[]{rest}" for item in plain for rest in keys_of(item)}
    return set()


def readable(who, line):
    """Return the message in a line, None when it is binary or shows what cannot be read."""
    if line.startswith("(binary) "):
        return None
    try:
        return decode_message(line, REQUESTS if who == "C" else EVENTS)
    except protocol.DecodeError:
        assert "paint_faster" in line or '"steps":"20"' in line
        return None


@pytest.mark.parametrize(("who", "line"), LINES, ids=lambda value: value[:40])
def test_an_example_shows_fields_that_exist_and_all_that_the_server_sends(who, line):
    message = readable(who, line)
    if message is None:
        return
    shown, whole = keys_of(json.loads(line)), keys_of(json.loads(encode_message(message)))
    assert shown <= whole
    if who == "S" and '"limits"' in line:
        assert shown == whole


def test_the_single_frame_is_a_message():
    (frame,) = re.findall(r"^```json\n(.+)\n```$", PAGE, flags=re.MULTILINE)
    assert decode_message(frame, REQUESTS)


class Reading:
    """Both sides of a connection read the page line by line, and do what it tells of them."""

    def __init__(self):
        payloads = [bytes(decode_chunk(bytes.fromhex(line[9:])).payload) for _, line in LINES if "(binary) " in line]
        self.contents = {content_name(payload): payload for payload in payloads}
        self.arrived, self.refused = [], []
        self.job = self.done = None
        self.connect()

    def connect(self):
        self.server = Conversation("server", self.contents.get)
        self.client = Conversation("client", self.contents.get)

    def read(self, who, line):
        message = readable(who, line)
        if isinstance(message, Hello) and self.server.greeted:
            self.connect()
        if isinstance(message, Need):
            self.ask(who, line)
        self.job = message.job if isinstance(message, Submit) else self.job
        self.done = message if isinstance(message, Done) else self.done
        reader = self.server if who == "C" else self.client
        for item in reader.receive(bytes.fromhex(line[9:]) if message is None and "(binary) " in line else line):
            if isinstance(item, (Content, PreviewPicture)):
                self.arrived.append(item.data)
            elif isinstance(item, Unreadable):
                self.refused.append(self.server.next_frame())

    def ask(self, who, line):
        if who == "S":
            self.server.ask(self.job.rasters)
            assert self.server.next_frame() == line
        else:
            self.client.ask(picture.image for picture in self.done.pictures)
            assert self.client.next_frame() == line


def test_the_examples_run_as_they_are_told():
    reading = Reading()
    for who, line in LINES:
        reading.read(who, line)
    assert reading.arrived == list(reading.contents.values())
    assert reading.refused == [line for who, line in LINES if who == "S" and '"refused"' in line]


def test_links_within_the_page_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    for target in re.findall(r"\]\(#([^)]+)\)", PAGE):
        assert target in anchors


def test_the_version_on_the_page_is_the_one_of_the_code():
    assert f"version **{limits.PROTOCOL_MAJOR}.{limits.PROTOCOL_MINOR}**" in PAGE


def test_the_discovery_file_is_told_field_by_field():
    discovery = (ROOT / "backend" / "server" / "discovery.py").read_text("utf-8")
    found = next(n for n in ast.parse(discovery).body if isinstance(n, ast.ClassDef) and n.name == "Found")
    fields = [node.target.id for node in found.body if isinstance(node, ast.AnnAssign)]
    named = [
        row[0].strip("`") for row in rows(CHAPTERS["Finding the backend"]) if row[1] in ("text", "integer", "number")
    ]
    assert named == fields
