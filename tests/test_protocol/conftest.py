"""Values and messages for hypothesis, made from the types themselves, and two ends of a connection wired back to back.

`st.from_type` gives valid ones of every class that is reachable from REQUESTS and EVENTS: a new message is covered by itself.
"""

import dataclasses
import types
import typing

import pytest
from hypothesis import reject, settings
from hypothesis import strategies as st
from painter_talk import greet

from protocol import (
    DEPTH_BYTES,
    EVENTS,
    MAX_COUNT,
    MAX_GUIDANCE,
    MAX_INTEGER,
    MAX_LAYERS,
    MAX_MASK_REACH,
    MAX_SEED,
    MAX_STEPS,
    ORDER_CHANNELS,
    REQUESTS,
    Bounds,
    Context,
    Conversation,
    Extent,
    Failure,
    Hello,
    Job,
    Laid,
    Lies,
    Need,
    Painter,
    Picture,
    Preview,
    Query,
    Raster,
    Style,
    Styles,
    Welcome,
    content_name,
)

# a shared machine can be slow at any moment; a property does not break by that
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(letters, max_size=30)
integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
numbers = st.floats(allow_nan=False, allow_infinity=False)
job_ids = st.text("0123456789abcdef", min_size=32, max_size=32)
content_names = st.text("0123456789abcdef", min_size=64, max_size=64)
seeds = st.integers(0, MAX_SEED)
extents = st.builds(Extent, st.integers(1, 8192), st.integers(1, 8192))

PRIMITIVES = {str: texts, int: integers, float: numbers, bool: st.booleans()}


@st.composite
def rasters(draw, extent=None, orders=tuple(ORDER_CHANNELS)):
    extent = extent or draw(extents)
    order, depth = draw(st.sampled_from(orders)), draw(st.sampled_from(sorted(DEPTH_BYTES)))
    encoding = draw(st.sampled_from(["raw", "zlib"]))
    size = extent.area * ORDER_CHANNELS[order] * DEPTH_BYTES[depth]
    if size > 512 * 2**20:
        reject()
    if encoding == "zlib":
        size = draw(st.integers(1, 512 * 2**20))
    return Raster(draw(content_names), size, extent.width, extent.height, order, depth, encoding)


@st.composite
def bounds_inside(draw, extent):
    width, height = draw(st.integers(1, extent.width)), draw(st.integers(1, extent.height))
    return Bounds(
        draw(st.integers(0, extent.width - width)), draw(st.integers(0, extent.height - height)), width, height
    )


@st.composite
def jobs(draw):
    extent = draw(extents)
    image = draw(st.none() | rasters(extent))
    mask = draw(st.none() | rasters(extent, ["gray"])) if image else None
    return Job(
        id=draw(job_ids),
        extent=extent,
        prompt=draw(texts),
        negative=draw(texts),
        image=image,
        mask=mask,
        selection=draw(bounds_inside(extent)) if mask else None,
        strength=draw(st.floats(0, 1, exclude_min=True)) if image else 1.0,
        seed=draw(seeds),
        count=draw(st.integers(1, MAX_COUNT)),
        style=draw(st.from_type(Style)),
        grow=draw(st.none() | st.integers(0, MAX_MASK_REACH)),
        feather=draw(st.none() | st.integers(0, MAX_MASK_REACH)),
        depth=draw(st.sampled_from(["u8", "u16"])),
        order=draw(st.sampled_from(["rgba", "bgra"])),
        encoding=draw(st.sampled_from(["raw", "zlib"])),
        previews=draw(st.booleans()),
        document=draw(texts),
        layers=draw(st.integers(0, MAX_LAYERS)) if image else 0,
    )


@st.composite
def pictures(draw):
    image = draw(rasters())
    names = draw(st.lists(content_names, max_size=3))
    layers = tuple(dataclasses.replace(image, content=name) for name in names)
    return Picture(image, Bounds(draw(integers), draw(integers), image.width, image.height), draw(seeds), layers)


SPECIAL = {
    Extent: extents,
    Bounds: st.builds(Bounds, integers, integers, st.integers(1, MAX_INTEGER), st.integers(1, MAX_INTEGER)),
    Context: st.builds(Context, st.floats(0, 16), st.integers(1, 8192)),
    Raster: rasters(),
    Job: jobs(),
    Picture: pictures(),
    Style: st.builds(
        Style,
        name=texts,
        model=texts,
        sampler=texts,
        steps=st.none() | st.integers(1, MAX_STEPS),
        guidance=st.none() | st.floats(0, MAX_GUIDANCE),
        template=st.builds("{}{{prompt}}{}".format, texts, texts),
        negative=texts,
    ),
    Failure: st.builds(Failure, st.from_regex(r"\A[a-z][a-z0-9_]{0,63}\Z"), texts, texts),
    Hello: st.builds(Hello, installation=st.text(letters, min_size=1, max_size=200), client=texts),
    Query: st.builds(Query, st.lists(job_ids, max_size=5).map(tuple)),
    Styles: st.builds(
        Styles,
        st.lists(
            st.from_type(Style).filter(lambda style: style.name), max_size=3, unique_by=lambda style: style.name
        ).map(tuple),
        texts,
        st.lists(st.from_type(Failure), max_size=3).map(tuple),
    ),
    Need: st.builds(Need, st.lists(content_names, max_size=5).map(tuple), st.booleans()),
    Laid: st.builds(Laid, content_names),
    Lies: st.builds(Lies, content_names, st.text(letters, min_size=1, max_size=30), st.integers(0, MAX_INTEGER)),
}


def strategy_of(hint, name):
    """Return values of one annotation; a field named `id` is a job's."""
    if hint is str and name == "id":
        return job_ids
    if hint in PRIMITIVES:
        return PRIMITIVES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(st.none() if arg is type(None) else strategy_of(arg, name) for arg in arguments))
    if origin is tuple:
        return st.lists(strategy_of(arguments[0], name), max_size=3).map(tuple)
    return SPECIAL[hint] if hint in SPECIAL else instances(hint)


@st.composite
def instances(draw, cls):
    hints = typing.get_type_hints(cls)
    values = {field.name: draw(strategy_of(hints[field.name], field.name)) for field in dataclasses.fields(cls)}
    try:
        return cls(**values)
    except ValueError:
        reject()


for message_class in {*REQUESTS.values(), *EVENTS.values()} - set(SPECIAL):
    st.register_type_strategy(message_class, instances(message_class))
for value_class, strategy in SPECIAL.items():
    st.register_type_strategy(value_class, strategy)


class Wire:
    """A client and a server that have greeted each other, with nothing but lists of frames between them."""

    def __init__(self, client_has=(), server_has=(), greeted=True, limits=None):
        self.client = Conversation("client", dict(client_has).get)
        self.server = Conversation("server", dict(server_has).get, limits)
        if greeted:
            self.client.send(Hello("test installation"))
            self.server.send(Welcome("test server", limits=self.server.limits))
            self.run()

    def run(self):
        """Pass frames in turn until none is left; return what the client and what the server received."""
        heard = {self.client: [], self.server: []}
        moved = True
        while moved:
            moved = False
            for sender, reader in ((self.client, self.server), (self.server, self.client)):
                frame = sender.next_frame()
                if frame is not None:
                    moved = True
                    heard[reader] += reader.receive(frame)
        return heard[self.client], heard[self.server]


@pytest.fixture(scope="session")
def wire():
    return Wire


@pytest.fixture(scope="session")
def picture_of():
    """Make the preview of a grey picture of one row, whose pixels are `content`."""

    def make(content, job_id, step):
        return Preview(job_id, 0, step, Raster(content_name(content), len(content), len(content), 1, "gray"))

    return make


@pytest.fixture
def painter():
    """A painter that is connected and greeted, and has said nothing else."""
    made = Painter("an installation", "a client")
    greet(made)
    return made
