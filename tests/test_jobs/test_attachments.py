from __future__ import annotations

import pytest

from backend.jobs import Attachments, Refusal


@pytest.fixture
def raster(tools):
    def make(fill: int, size: int = 16):
        content = bytes([fill]) * (size * 4)
        return tools.hand.raster_of(content, size, 1), content

    return make


def test_what_has_arrived_is_not_missing_again(raster):
    store = Attachments()
    image, content = raster(1)
    assert store.hold("ana", [image]) == [image]
    store.arrived("ana", image.content, content)
    assert store.hold("ana", [image]) == []
    assert store.of("ana", [image]) == {image.content: content}
    store.release("ana", [image])
    store.release("ana", [image])
    assert store.hold("ana", [image]) == [], "kept after the last job"


def test_another_owner_cannot_find_out_what_is_here(raster):
    store = Attachments()
    image, content = raster(1)
    store.hold("ana", [image])
    store.arrived("ana", image.content, content)
    assert store.hold("ben", [image]) == [image]


def test_what_no_job_needs_is_bounded_and_the_oldest_goes_first(raster):
    store = Attachments(kept_bytes=2 * 64)
    images = [raster(fill) for fill in range(3)]
    for image, content in images:
        store.hold("ana", [image])
        store.arrived("ana", image.content, content)
    for image, _ in images:
        store.release("ana", [image])
    assert [bool(store.hold("ana", [image])) for image, _ in images] == [True, False, False]


def test_what_a_job_needs_is_never_given_up(raster):
    store = Attachments(kept_bytes=0)
    held, content = raster(1)
    store.hold("ana", [held])
    store.arrived("ana", held.content, content)
    for fill in range(2, 9):
        other, other_content = raster(fill)
        store.hold("ana", [other])
        store.arrived("ana", other.content, other_content)
        store.release("ana", [other])
        assert store.hold("ana", [other]) == [other]
        store.release("ana", [other])
    assert store.of("ana", [held]) == {held.content: content}


def test_too_much_at_once_is_refused_and_nothing_of_it_held(raster):
    store = Attachments(held_bytes=3 * 64)
    (a, _), (b, _), (c, _), (d, _) = (raster(fill) for fill in range(4))
    store.hold("ana", [a, b])
    with pytest.raises(Refusal) as refused:
        store.hold("ana", [c, d])
    assert refused.value.failure.code == "attachments_full"
    assert store.hold("ana", [c]) == [c]
    assert store.hold("ana", [a, b, c]) == [a, b, c], "what is held already takes no more room"


def test_the_same_content_of_another_size_is_refused(raster):
    from dataclasses import replace

    store = Attachments()
    image, content = raster(1)
    lie = replace(image, size=32, width=8)
    store.hold("ana", [image])
    with pytest.raises(Refusal, match="64"):
        store.hold("ana", [lie])
    store.arrived("ana", image.content, content)
    store.release("ana", [image])
    with pytest.raises(Refusal, match="64"):
        store.hold("ana", [lie])


def test_what_never_came_is_awaited_as_long_as_a_job_needs_it(raster):
    store = Attachments(held_bytes=64)
    (image, _), (other, _) = raster(1), raster(2)
    store.hold("ana", [image, image])
    store.hold("ana", [image])
    store.release("ana", [image, image])
    with pytest.raises(Refusal):
        store.hold("ana", [other])
    store.release("ana", [image])
    assert store.hold("ana", [other]) == [other], "its room is free again"


def test_what_is_let_go_makes_room(raster):
    store = Attachments(held_bytes=64)
    for fill in range(3):
        image, _ = raster(fill)
        assert store.hold("ana", [image]) == [image]
        store.release("ana", [image])
