"""A client that was written from the contract's page alone, against a server that runs as it does for a painter."""

import asyncio
import importlib.util
import os
import subprocess
import sysconfig
import time
import uuid
import zlib
from pathlib import Path

import pytest
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

EXAMPLES = Path(__file__).parents[2] / "examples"
SIDE = 160

spec = importlib.util.spec_from_file_location("other_client", Path(__file__).parent / "other_client.py")
other_client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(other_client)
Client = other_client.Client


@pytest.fixture(scope="module")
def discovery(tmp_path_factory):
    """The discovery file of a server that runs, painting with the model that ships inside."""
    home = tmp_path_factory.mktemp("home")
    file = home / "run" / "server.json"
    environment = {**os.environ, "SCUMBLE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = Path(sysconfig.get_path("scripts")) / "scumble"
    with (
        (home / "serve.log").open("wb") as log,
        subprocess.Popen([command, "serve"], env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            end = time.monotonic() + 30
            while other_client.discover(file) is None:
                assert server.poll() is None, (home / "serve.log").read_text()
                assert time.monotonic() < end, "the server wrote no file"
                time.sleep(0.02)
            yield file
            asyncio.run(stop(file))
            assert server.wait(20) == 0
            assert not file.exists()
        finally:
            if server.poll() is None:
                server.kill()


async def stop(file):
    async with await Client(uuid.uuid4().hex).open(file) as client:
        await client.send("shutdown", force=True)
        assert (await client.next("goodbye"))["failure"]["code"] == "server_stopping"


@pytest.fixture
async def client(discovery):
    async with await Client(uuid.uuid4().hex).open(discovery) as made:
        yield made


def new_id():
    return uuid.uuid4().hex


def cut(name="table"):
    """A part of an example and of its mask, with the smallest rectangle around what is selected."""
    with Image.open(EXAMPLES / f"{name}.png") as image, Image.open(EXAMPLES / f"{name}-mask.png") as mask:
        left, top, right, bottom = mask.getbbox()
        wanted = max(right - left, bottom - top) + 40
        box = ((left + right - wanted) // 2, (top + bottom - wanted) // 2)
        box = (*box, box[0] + wanted, box[1] + wanted)
        image = image.convert("RGB").resize((SIDE, SIDE), box=box)
        mask = mask.convert("L").resize((SIDE, SIDE), box=box)
    left, top, right, bottom = mask.getbbox()
    return image, mask, {"x": left, "y": top, "width": right - left, "height": bottom - top}


def fill(client, name="table", **fields):
    """A job over a part of an example."""
    image, mask, selection = cut(name)
    return {
        "id": new_id(),
        "extent": {"width": SIDE, "height": SIDE},
        "prompt": "a red apple",
        "image": client.attach(image.tobytes(), SIDE, SIDE, "rgb"),
        "mask": client.attach(mask.tobytes(), SIDE, SIDE, "gray"),
        "selection": selection,
        **fields,
    }


async def paint(client, job):
    await client.send("submit", job=job)
    return await client.end(job["id"])


async def is_painting(client, job):
    """Wait until at least one denoising step was made."""
    await client.until(
        lambda: [m for m in client.all("progress", job=job["id"]) if m["stage"] == "painting" and m["step"]]
    )


def selected(mask, selection):
    left, top = selection["x"], selection["y"]
    return mask.crop((left, top, left + selection["width"], top + selection["height"])).tobytes()


async def test_a_fill_from_the_submit_to_the_acknowledge(client):
    job = fill(client, seed=7, style={"steps": 12})
    done = await paint(client, job)
    assert done["type"] == "done", done
    heard = [m["type"] for m in client.heard if m["type"] != "queued"]
    assert heard[:3] == ["welcome", "need", "accepted"]
    assert set(client.all("need")[0]["contents"]) == {job["image"]["content"], job["mask"]["content"]}
    assert heard[-1] == "done"
    assert set(heard[3:-1]) == {"progress", "preview"}

    progress = client.all("progress", job=job["id"])
    fractions = [m["fraction"] for m in progress]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert {m["stage"] for m in progress} <= {"loading", "encoding", "painting", "decoding"}
    assert all(m["step"] <= m["steps"] for m in progress)
    assert client.previews
    for message, payload in client.previews:
        image = message["image"]
        assert max(image["width"], image["height"]) <= 256
        assert len(payload) == image["width"] * image["height"] * other_client.CHANNELS[image["order"]]

    (picture,) = done["pictures"]
    assert picture["bounds"] == job["selection"]
    assert picture["seed"] == 7
    width, height = job["selection"]["width"], job["selection"]["height"]
    (pixels,) = await client.fetch(done)
    assert len(pixels) == picture["image"]["size"] == width * height * 4
    assert picture["image"] == other_client.raster(pixels, width, height, "rgba") | {"encoding": "raw"}
    _, mask, selection = cut()
    alpha, allowed = pixels[3::4], selected(mask, selection)
    assert max(alpha) > 200
    assert 0 in allowed
    assert all(a <= m for a, m in zip(alpha, allowed, strict=True))

    await client.acknowledge(job["id"])
    assert await client.where(job["id"]) == ["unknown"]


async def test_pictures_that_the_server_has_are_not_asked_for_again(client):
    first, second = (fill(client, seed=seed, style={"steps": 2}) for seed in (1, 2))
    assert (await paint(client, first))["type"] == "done"
    await client.acknowledge(first["id"])
    assert len(client.all("need")) == 1
    assert client.parts == 2
    assert (await paint(client, second))["type"] == "done"
    assert client.all("accepted", job=second["id"])
    assert len(client.all("need")) == 1
    assert client.parts == 2


async def test_two_pictures_in_sixteen_bit_packed(client):
    job = fill(client, seed=5, count=2, style={"steps": 3}, depth="u16", order="bgra", encoding="zlib", previews=False)
    done = await paint(client, job)
    assert done["type"] == "done", done
    assert client.previews == []
    assert [picture["seed"] for picture in done["pictures"]] == [5, 6]
    packed = await client.fetch(done)
    _, mask, selection = cut()
    for pixels in map(zlib.decompress, packed):
        assert len(pixels) == selection["width"] * selection["height"] * 8
        alpha = memoryview(pixels).cast("H")[3::4].tolist()
        assert all(a <= m * 257 for a, m in zip(alpha, selected(mask, selection), strict=True))
    alone = await paint(client, job | {"id": new_id(), "seed": 6, "count": 1})
    assert [picture["image"] for picture in alone["pictures"]] == [done["pictures"][1]["image"]]


async def test_a_cancel_in_mid_way_ends_the_job_once(client):
    job = fill(client, style={"steps": 1000})
    await client.send("submit", job=job)
    await is_painting(client, job)
    await client.send("cancel", id=job["id"])
    assert await client.end(job["id"]) == {"type": "cancelled", "id": job["id"]}
    at = len(client.heard)
    assert (await paint(client, fill(client, style={"steps": 1})))["type"] == "done"
    assert client.all("done", "failed", "cancelled", "progress", "preview", job=job["id"], since=at) == []
    # a second time it is the same end, told again
    assert (await client.ask("cancel", "cancelled", "refused", id=job["id"]))["type"] == "cancelled"
    await client.acknowledge(job["id"])
    refused = await client.ask("cancel", "cancelled", "refused", id=job["id"])
    assert (refused["type"], refused["id"], refused["failure"]["code"]) == ("refused", job["id"], "unknown_job")


async def test_a_job_outlives_its_connection(discovery):
    installation = new_id()
    first = await Client(installation).open(discovery)
    job = fill(first, seed=11, style={"steps": 30})
    await first.send("submit", job=job)
    await is_painting(first, job)
    await first.abort()
    assert not first.all("done", "failed", "cancelled")

    async with await Client(installation, first.attachments).open(discovery) as second:
        assert await second.where(job["id"]) in (["running"], ["done"])
        done = await second.end(job["id"])
        assert done["type"] == "done", done
        pixels = await second.fetch(done)
        await second.acknowledge(job["id"])
        assert await second.where(job["id"]) == ["unknown"]

        again = job | {"id": new_id()}
        undisturbed = await paint(second, again)
        assert await second.fetch(undisturbed) == pixels
        assert undisturbed["pictures"] == done["pictures"]
        await second.acknowledge(again["id"])


async def test_an_end_that_came_while_nobody_listened_is_told_and_kept(discovery):
    installation = new_id()
    first = await Client(installation).open(discovery)
    job = fill(first, seed=3, style={"steps": 2})
    await first.send("submit", job=job)
    await first.next("accepted", job=job["id"])
    await first.abort()

    async with await Client(installation).open(discovery) as second:
        async with asyncio.timeout(60):
            while await second.where(job["id"]) != ["done"]:
                await asyncio.sleep(0.02)
        done = await second.end(job["id"])
        await second.fetch(done)
    async with await Client(installation).open(discovery) as third:
        assert await third.where(job["id"], new_id()) == ["done", "unknown"]
        assert await third.end(job["id"]) == done
        await third.acknowledge(job["id"])
        refused = await third.ask("need", "refused", contents=[done["pictures"][0]["image"]["content"]])
        assert refused["failure"]["code"] == "unknown_content"


async def test_a_job_whose_pictures_had_not_arrived_is_submitted_again(discovery):
    installation = new_id()
    first = await Client(installation, greedy=False).open(discovery)
    job = fill(first, style={"steps": 1})
    await first.send("submit", job=job)
    await first.next("need")
    assert await first.where(job["id"]) == ["receiving"]
    await first.upload_part(job["image"]["content"], 0, 1000)
    await first.abort()

    async with await Client(installation, first.attachments).open(discovery) as second:
        assert await second.where(job["id"]) in (["unknown"], ["receiving"])
        assert (await paint(second, job))["type"] == "done"
        await second.acknowledge(job["id"])


async def test_a_cancel_in_the_middle_of_the_pictures(discovery):
    async with await Client(new_id(), greedy=False).open(discovery) as client:
        job = fill(client, style={"steps": 1})
        await client.send("submit", job=job)
        await client.next("need")
        await client.upload_part(job["image"]["content"], 0, 1000)
        await client.send("cancel", id=job["id"])
        await client.upload_part(job["image"]["content"], 1000, 1000)  # was under way
        assert (await client.end(job["id"]))["type"] == "cancelled"
        await client.acknowledge(job["id"])
        client.greedy = True
        assert (await paint(client, job | {"id": new_id()}))["type"] == "done"


async def test_a_request_that_the_server_does_not_know(client):
    refused = await client.ask("paint_faster", "refused", speed=9)
    assert refused["request"] == "paint_faster"
    assert refused["failure"]["code"] == "unknown_request"
    assert refused["failure"]["happened"]
    assert refused["failure"]["remedy"]
    assert (await client.ask("get_status", "status"))["clients"] >= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"style": {"steps": "20"}},
        {"style": {"steps": 1001}},
        {"seed": 1.0},
        {"seed": 2**53},
        {"count": True},
        {"extent": {"width": 8}},
        {"strength": 0},
        {"strength": 0.5},
        {"depth": "u32"},
        {"prompt": None},
        {"style": {"template": "no place for it"}},
        {"selection": {"x": 0, "y": 0, "width": 4, "height": 4}},
    ],
    ids=str,
)
async def test_a_field_that_is_wrong(client, wrong):
    job = {"id": new_id(), "extent": {"width": 64, "height": 64}, **wrong}
    refused = await client.ask("submit", "refused", "accepted", job=job)
    assert (refused["type"], refused["request"], refused["id"]) == ("refused", "submit", job["id"])
    assert refused["failure"]["code"] == "bad_message"
    assert next(iter(wrong)) in refused["failure"]["happened"]
    assert await client.where(job["id"]) == ["unknown"]


async def test_fields_that_are_not_known_are_passed_over(client):
    job = fill(client, style={"steps": 1, "mood": [{"deep": None}]}, haste=1.5)
    assert (await paint(client, job))["type"] == "done"


async def test_a_model_that_is_not_there(client):
    models = (await client.ask("list_models", "models"))["models"]
    assert any(not model["problem"] for model in models)
    end = await paint(client, fill(client, style={"model": "nowhere-to-be-found"}))
    assert end["type"] == "failed"
    assert end["failure"]["code"] == "unknown_model"
    assert "nowhere-to-be-found" in end["failure"]["happened"]
    assert end["failure"]["remedy"]


async def test_the_styles_name_models_that_can_be_used(client):
    models = (await client.ask("list_models", "models"))["models"]
    answer = await client.ask("list_styles", "styles")
    assert answer["folder"]
    assert answer["problems"] == []
    assert {style["model"] for style in answer["styles"]} == {model["id"] for model in models if not model["problem"]}
    assert (await paint(client, fill(client, style=answer["styles"][0] | {"steps": 1})))["type"] == "done"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("sampler", "unknown_sampler"), ("black", "empty_mask"), ("outside", "bad_mask")],
)
async def test_a_job_that_cannot_be_painted(client, wrong, code):
    job = fill(client)
    if wrong == "sampler":
        job["style"] = {"sampler": "none such"}
    elif wrong == "black":
        job["mask"] = client.attach(bytes(SIDE * SIDE), SIDE, SIDE, "gray")
    else:
        job["selection"] = {"x": 70, "y": 70, "width": 4, "height": 4}
    end = await paint(client, job)
    assert (end["type"], end["failure"]["code"]) == ("failed", code)


async def test_another_job_under_a_known_id(client):
    job = fill(client, style={"steps": 1})
    done = await paint(client, job)
    at = len(client.heard)
    await client.send("submit", job=job)
    assert await client.next("done", "refused", since=at) == done
    refused = await client.ask("submit", "refused", "accepted", job=job | {"seed": 1})
    assert (refused["id"], refused["failure"]["code"]) == (job["id"], "id_in_use")


async def test_an_acknowledge_before_the_end(client):
    job = fill(client, style={"steps": 1000})
    await client.send("submit", job=job)
    await is_painting(client, job)
    refused = await client.ask("acknowledge", "refused", id=job["id"])
    assert (refused["request"], refused["id"], refused["failure"]["code"]) == ("acknowledge", job["id"], "not_ended")
    busy = await client.ask("shutdown", "refused", "goodbye")
    assert (busy["type"], busy["request"], busy["failure"]["code"]) == ("refused", "shutdown", "busy")
    await client.send("cancel", id=job["id"])
    assert (await client.next(*other_client.ENDS, job=job["id"]))["type"] == "cancelled"


async def test_a_client_of_another_major_version(discovery):
    async with await Client(new_id()).open(discovery, hello=False) as client:
        await client.hello(major=2)
        assert client.heard[-1]["failure"]["code"] == "version_mismatch"


async def test_a_request_before_the_greeting(discovery):
    async with await Client(new_id()).open(discovery, hello=False) as client:
        goodbye = await client.ask("get_status", "goodbye", "status")
        assert goodbye["failure"]["code"] == "out_of_turn"
        with pytest.raises(other_client.Lost):
            await client.next("status")


@pytest.mark.parametrize(
    ("headers", "origin", "status"),
    [
        ({}, None, 401),
        ({"Authorization": "Bearer 0"}, None, 401),
        ([("Authorization", "Bearer TOKEN"), ("Authorization", "Bearer TOKEN")], None, 401),
        ({"Authorization": "Bearer TOKEN"}, "http://localhost", 403),
    ],
)
async def test_who_is_not_let_in(discovery, headers, origin, status):
    found = other_client.discover(discovery)
    pairs = headers.items() if isinstance(headers, dict) else headers
    pairs = [(name, value.replace("TOKEN", found["token"])) for name, value in pairs]
    with pytest.raises(InvalidStatus) as refused:
        await connect(other_client.address(found), additional_headers=pairs, origin=origin, proxy=None)
    assert refused.value.response.status_code == status
