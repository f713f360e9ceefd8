"""Clients that read slowly, not at all, or vanish."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest

from protocol import Accepted, Done, GetStatus, Need, PreviewPicture, Query, Status

PREVIEW = 200


async def test_a_slow_reader_loses_previews_and_nothing_else(meet, hand, tools):
    ana = await meet(max_queue=1)
    job = tools.new_job()
    await ana.submit(job)
    await tools.until(lambda: hand.plan)
    # 120 KB each: far more in all than every buffer between here and there takes
    for step in range(PREVIEW):
        hand.preview(step, bytes([step]) * (PREVIEW * PREVIEW * 3), PREVIEW, PREVIEW)
        await asyncio.sleep(0)
    hand.finish()
    await tools.until(lambda: hand.plan is None)
    done = await ana.wait_for(Done)
    seen = [picture.preview.step for picture in ana.of(PreviewPicture)]
    assert 0 < len(seen) < PREVIEW
    assert seen == sorted(seen)
    assert all(picture.data == bytes([picture.preview.step]) * len(picture.data) for picture in ana.of(PreviewPicture))
    assert len(await ana.fetch(done)) == 1


async def test_who_stops_reading_is_dropped_and_finds_the_result_later(make_server, hand, reach, tools):
    server = make_server(stall_seconds=0.1)
    await server.start()
    try:
        ana = await reach(server)
        stuck = await reach(server, max_queue=1)
        job, content = tools.job_with_image(side=2048)
        await ana.submit(job, content)
        await ana.wait_for(Accepted)
        await tools.until(lambda: hand.plan)
        hand.finish()
        done = await ana.wait_for(Done)
        # asks for 16 MiB, and reads none of it
        await stuck.say(Need(tuple(picture.image.content for picture in done.pictures)))
        await tools.until(lambda: server.status().clients == 1)
        await ana.socket.close()
        await tools.until(lambda: server.status().clients == 0)
        back = await reach(server)
        await back.say(Query((job.id,)))
        done = await back.wait_for(Done)
        assert len((await back.fetch(done))[0]) == 2048 * 2048 * 4
    finally:
        await server.stop()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts what Linux shows")
async def test_a_hundred_clients_that_connect_and_vanish_leave_nothing(server, meet, hand, tools):
    watcher = await meet("watcher")
    await watcher.submit(tools.new_job())
    await tools.until(lambda: hand.plan)

    async def vanish(number: int) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            socket = await tools.socket_to(server.found)
            peer = tools.Peer(socket, f"guest {number}")
            if number % 4:
                job, content = tools.job_with_image(fill=number, side=256)
                peer.attachments[job.image.content] = content
                await peer.submit(job)
            if number % 4 > 1:
                await peer.hear()
            socket.transport.abort()

    # the first ones warm up what stays
    await asyncio.gather(*(vanish(number) for number in range(4)))
    await tools.until(lambda: server.status().clients == 1)
    tasks, handles = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    await asyncio.gather(*(vanish(number) for number in range(100)))
    await tools.until(lambda: server.status().clients == 1)
    await tools.until(lambda: len(asyncio.all_tasks()) <= tasks)
    await tools.until(lambda: len(os.listdir("/proc/self/fd")) <= handles)
    await watcher.say(GetStatus())
    status = await watcher.wait_for(Status)
    assert (status.clients, status.running) == (1, 1)
    hand.finish()
    await watcher.wait_for(Done)


async def test_a_client_that_closes_in_the_midst_of_a_result_harms_nobody(server, meet, hand, tools):
    hand.by_itself = True
    ana = await meet()
    job, content = tools.job_with_image(side=2048)
    await ana.submit(job, content)
    done = await ana.wait_for(Done)
    ana.talk.ask(picture.image for picture in done.pictures)
    await ana.flush()
    await ana.hear()
    ana.socket.transport.abort()
    await tools.until(lambda: server.status().clients == 0)
    back = await meet()
    assert len((await back.fetch(done))[0]) == 2048 * 2048 * 4
