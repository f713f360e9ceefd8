"""What a connected client can ask for, and what it gets."""

from __future__ import annotations

import os

from protocol import (
    Accepted,
    Acknowledge,
    Cancel,
    Cancelled,
    Done,
    Failed,
    GetStatus,
    Goodbye,
    Jobs,
    Limits,
    ListModels,
    Models,
    Need,
    PreviewPicture,
    Progress,
    Query,
    Refused,
    Shutdown,
    Status,
    Style,
    Submit,
    Welcome,
)


async def test_a_picture_is_painted_fetched_and_acknowledged(meet, hand, server, tools):
    ana = await meet()
    job, content = tools.job_with_image(count=2)
    await ana.submit(job, content)
    assert await ana.wait_for(Accepted) == Accepted(job.id, 0)
    await tools.until(lambda: hand.plan)
    assert hand.contents == [{job.image.content: content}]
    hand.step(1)
    hand.preview(1, bytes(range(12)), 2, 2)
    assert (await ana.wait_for(PreviewPicture)).data == bytes(range(12))
    await ana.wait_for(Progress)
    hand.finish()
    done = await ana.wait_for(Done)
    pixels = await ana.fetch(done)
    assert pixels == [tools.hand.pixels_for(picture.seed, picture.bounds) for picture in done.pictures]
    await ana.say(Acknowledge(job.id), Query((job.id,)))
    assert (await ana.wait_for(Jobs)).states[0].state == "unknown"
    await ana.say(Need((done.pictures[0].image.content,)))
    refused = await ana.wait_for(Refused)
    assert (refused.request, refused.failure.code) == ("need", "unknown_content")


async def test_an_attachment_does_not_travel_twice(meet, hand, tools):
    ana = await meet()
    hand.by_itself = True
    first, content = tools.job_with_image()
    await ana.submit(first, content)
    await ana.wait_for(Done)
    ana.attachments.clear()
    second, _ = tools.job_with_image()
    await ana.submit(second)
    await ana.wait_for(Done, second.id)
    assert hand.contents[1] == {first.image.content: content}


async def test_a_large_attachment_goes_in_chunks_and_a_cancel_passes_between_them(meet, hand, tools):
    ana = await meet()
    runs = tools.new_job()
    await ana.submit(runs)
    await tools.until(lambda: hand.plan)
    big, content = tools.job_with_image(side=2048)
    ana.attachments[big.image.content] = content
    await ana.say(Submit(big))
    while (frame := ana.talk.next_frame()) is None:
        ana.talk.receive(await ana.socket.recv())
    await ana.socket.send(frame)
    ana.talk.send(Cancel(runs.id))
    ana.talk.send(Cancel(big.id))
    kinds = []
    while (frame := ana.talk.next_frame()) is not None:
        kinds.append(type(frame))
        await ana.socket.send(frame)
    assert kinds == [str, str, *[bytes] * 15], "16 MiB in chunks of one, and both cancels pass all but the first"
    await ana.wait_for(Cancelled, runs.id)
    await ana.wait_for(Cancelled, big.id)
    # late chunks of what was given up do no harm
    await ana.say(GetStatus())
    await ana.wait_for(Status)


async def test_a_lost_connection_loses_no_result(meet, hand, tools):
    ana = await meet()
    job = tools.new_job()
    await ana.submit(job)
    await tools.until(lambda: hand.plan)
    ana.socket.transport.abort()
    hand.finish()
    await tools.until(lambda: hand.plan is None)
    back = await meet()
    await back.say(Query((job.id,)))
    await back.wait_for(Jobs)
    done = await back.wait_for(Done)
    assert await back.fetch(done) == [tools.hand.pixels_for(0, done.pictures[0].bounds)]


async def test_a_restarted_server_still_has_the_result(meet, reach, hand, server, make_server, tools):
    ana = await meet()
    hand.by_itself = True
    job = tools.new_job()
    await ana.submit(job)
    done = await ana.wait_for(Done)
    await server.stop()
    second = make_server(tools.hand.HandExecutor())
    await second.start()
    try:
        back = await reach(second)
        await back.submit(job)
        assert await back.wait_for(Done) == done
        assert len(await back.fetch(done)) == 1
    finally:
        await second.stop()


async def test_every_connection_of_an_installation_hears_of_its_jobs_and_no_other(meet, hand, tools):
    ana, ana_too, ben = await meet(), await meet(), await meet("ben")
    job = tools.new_job()
    await ana.submit(job)
    await tools.until(lambda: hand.plan)
    await ben.say(Cancel(job.id), Query((job.id,)), Acknowledge(job.id))
    refused = await ben.wait_for(Refused)
    assert (refused.request, refused.failure.code, refused.id) == ("cancel", "unknown_job", job.id)
    assert (await ben.wait_for(Jobs)).states[0].state == "unknown"
    hand.finish()
    done = await ana.wait_for(Done)
    assert await ana_too.wait_for(Done) == done
    await ben.say(Need((done.pictures[0].image.content,)))
    assert (await ben.wait_for(Refused, count=2)).failure.code == "unknown_content"
    assert not ben.of((Accepted, Progress, Done))


async def test_a_path_is_no_name_of_a_model(meet, places, tools):
    ana = await meet()
    places.models.mkdir()
    for name in ("/etc/passwd", "../../etc/passwd", str(places.models), "C:\\models", "starter/../starter"):
        job = tools.new_job(style=Style(model=name))
        await ana.submit(job)
        assert (await ana.wait_for(Failed, job.id)).failure.code == "unknown_model"


async def test_the_list_of_models_is_as_the_folder_is_now(meet, places):
    ana = await meet()
    await ana.say(ListModels())
    before = (await ana.wait_for(Models)).models
    assert before[0].problem == ""
    places.models.mkdir()
    (places.models / "broken.safetensors").write_bytes(b"x")
    await ana.say(ListModels())
    after = (await ana.wait_for(Models, count=2)).models
    assert [model.name for model in after if model not in before] == ["broken.safetensors"]


async def test_the_welcome_and_the_status_say_what_is_there(meet, hand, places, tools):
    ana, _ = await meet(), await meet("ben")
    welcome = ana.of(Welcome)[0]
    assert welcome.limits == Limits()
    assert welcome.device == hand.device
    await ana.submit(tools.new_job())
    await ana.submit(tools.new_job())
    await tools.until(lambda: hand.plan)
    await ana.say(GetStatus())
    status = await ana.wait_for(Status)
    assert (status.process, status.worker, status.running, status.queued) == (os.getpid(), "busy", 1, 1)
    assert (status.clients, status.spooled, status.log) == (2, 0, str(places.log))
    assert status.uptime >= 0


async def test_a_shutdown_waits_for_jobs_unless_by_force(meet, hand, server, tools):
    ana = await meet()
    job = tools.new_job()
    await ana.submit(job)
    await ana.wait_for(Accepted)
    await ana.say(Shutdown())
    refused = await ana.wait_for(Refused)
    assert (refused.request, refused.failure.code) == ("shutdown", "busy")
    await ana.say(Shutdown(force=True))
    await server.wait()
    await server.stop()
    assert (await ana.wait_for(Failed, job.id)).failure.code == "server_stopping"
    assert (await ana.wait_for(Goodbye)).failure.code == "server_stopping"


async def test_a_polite_client_says_goodbye(meet, server, tools):
    from protocol import Failure

    ana = await meet()
    await ana.say(Goodbye(Failure("bye", "Krita was closed.", "Nothing.")))
    await ana.socket.wait_closed()
    assert ana.socket.close_code == 1000
    await tools.until(lambda: server.status().clients == 0)
