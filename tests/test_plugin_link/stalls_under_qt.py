"""The main thread stays the painter's, whatever goes through the link. Started by `test_bindings.py`."""

import uuid

from bindings.heartbeat import Heartbeat, least_stall
from stage import patiently, result_of, square, submit, until

from krita_plugin.bundled import protocol
from krita_plugin.qt import QtCore

BOUND = 0.1
"""Seconds. Some 15 ms on an idle machine; done in the main thread, it would be several hundred."""


def echo_64_mib(link):
    """Name, send and fetch back 64 MiB; return for how long the main thread stood still at most, in seconds."""
    side, named = 4096, []
    pixels = QtCore.QByteArray(square(side))
    heart = Heartbeat()
    link.name([pixels], named.extend)
    until(lambda: named)
    raster = protocol.Raster(named[0], len(pixels), side, side, "rgba")
    job = protocol.Job(uuid.uuid4().hex, protocol.Extent(side, side), image=raster, strength=0.5)
    link.submit(job, {raster.content: pixels})
    (made,) = result_of(link, job)
    stall = heart.longest
    assert made == pixels.data()
    link.acknowledge(job.id)
    return stall


def test_the_main_thread_goes_on_while_64_mib_go_through(ready):
    assert least_stall("64 MiB went through", lambda: echo_64_mib(ready), BOUND) < BOUND


def test_a_main_thread_that_is_late_hears_the_newest_and_every_end(link, backend):
    backend.start(pause=0.002)
    link.open()
    job, pixels = submit(link, style=protocol.Style(steps=400))
    until(lambda: link.heard.of(protocol.Progress))
    before = len(link.heard.of(protocol.Progress))
    patiently(lambda: not link._painter.waiting)
    assert result_of(link, job) == [pixels]
    assert len(link.heard.of(protocol.Progress)) - before <= 2
    assert isinstance(link.heard.news[-1], protocol.Result)
