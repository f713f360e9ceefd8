"""The box between the two threads."""

import asyncio
import threading

import pytest

from krita_plugin.link import mailbox
from krita_plugin.link.mailbox import Mailbox


@pytest.fixture
def woken():
    return []


@pytest.fixture
def box(woken):
    return Mailbox(lambda: woken.append(1))


def taken(box):
    return list(iter(box.take, None))


def test_in_order_and_woken_once_until_it_was_empty(box, woken):
    for item in "abc":
        box.put(item)
    assert len(woken) == 1
    assert taken(box) == ["a", "b", "c"]
    box.put("d")
    assert len(woken) == 2


def test_a_newer_one_takes_the_place_of_the_older(box):
    box.put("a1", "a")
    box.put("b1", "b")
    box.put("a2", "a")
    box.put("c")
    assert taken(box) == ["a2", "b1", "c"]
    box.put("a3", "a")
    box.put("d")
    assert taken(box) == ["a3", "d"]


def test_after_forget_nothing_takes_its_place(box):
    box.put("a1", "a")
    box.forget("a")
    box.put("end")
    box.put("a2", "a")
    assert taken(box) == ["a1", "end", "a2"]
    box.forget("never there")


async def test_there_is_room_again_when_some_were_taken(box):
    for number in range(mailbox.FULL):
        box.put(number)
    waiting = asyncio.create_task(box.room())
    await asyncio.sleep(3 * mailbox.LOOK_SECONDS)
    assert not waiting.done()
    assert box.take() == 0
    await asyncio.wait_for(waiting, 10)


def test_two_threads_lose_nothing():
    wakes = threading.Semaphore(0)
    box, count, found = Mailbox(wakes.release), 5000, []

    def take():
        while len(found) < count:
            assert wakes.acquire(timeout=10)
            found.extend(taken(box))

    taker = threading.Thread(target=take)
    taker.start()
    for number in range(count):
        box.put(number + 1)
    taker.join(20)
    assert found == list(range(1, count + 1))
