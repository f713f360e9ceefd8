"""The list of LoRAs, as the folder is now; and what a picture drew of its prompt."""

import json
import os
import struct
import sys

import pytest

from backend.models import LoraFolder
from backend.server import lora_list
from backend.server.lora_list import UNWRITABLE, list_loras
from protocol import MAX_LORAS, Done, ListLoras, ListModels, LoraInfo, Loras, Models, Refused, encode_message

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"


def put_lora(path, width=768):
    """Write the head of a LoRA of one layer, and its zeros; by hand, since this part of the house knows no torch."""
    shapes = {f"{LAYER}.lora_A.weight": [1, width], f"{LAYER}.lora_B.weight": [4, 1]}
    head, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * shape[1]
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))


@pytest.fixture
def folder(tmp_path):
    return LoraFolder(tmp_path / "loras")


def test_without_a_folder_there_are_none(folder):
    assert list_loras(folder) == Loras((), str(folder.folder))


def test_each_is_told_with_what_it_is_for_by_name(folder):
    put_lora(folder.folder / "wash.safetensors")
    put_lora(folder.folder / "styles" / "Ink.safetensors", 2048)
    (folder.folder / "Old.ckpt").write_bytes(b"PK\x03\x04")
    old, ink, wash = list_loras(folder).loras
    assert (ink, wash) == (LoraInfo("styles/Ink", ("sdxl",)), LoraInfo("wash", ("sd1",)))
    assert (old.name, old.families) == ("Old", ())
    assert ".ckpt file" in old.problem


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
@pytest.mark.parametrize("name", ["a:b", "a<b", "ink #2", "{red|blue}", "__ink__", "a|b{", "n" * 201, "a "])
def test_one_that_no_prompt_can_name_is_told_so(folder, name):
    put_lora(folder.folder / f"{name}.safetensors")
    (found,) = list_loras(folder).loras
    assert found == LoraInfo(name, problem=UNWRITABLE)


@pytest.mark.parametrize("name", ["ink_v1.5", "Öl & Tusche (2)", "it's", "墨", "a__b"])
def test_any_other_name_can_be_asked_for(folder, name):
    put_lora(folder.folder / f"{name}.safetensors")
    assert list_loras(folder).loras == (LoraInfo(name, ("sd1",)),)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_can_be_told(folder):
    folder.folder.mkdir()
    with open(os.path.join(os.fsencode(folder.folder), b"\xff.safetensors"), "wb") as file:
        file.write(b"x")
    assert encode_message(list_loras(folder))


def test_no_more_are_told_than_one_message_holds(folder, monkeypatch):
    entries = []
    put_lora(folder.folder / "ink.safetensors")
    (one,) = folder.entries()
    for number in range(MAX_LORAS + 10):
        entries.append(type(one)(f"{number:05}", one.path, one.stamp, one.families))
    monkeypatch.setattr(folder, "entries", lambda: tuple(entries))
    assert len(list_loras(folder).loras) == MAX_LORAS
    long = [type(one)(f"{number:05}" + '"' * 190, one.path, one.stamp, one.families) for number in range(MAX_LORAS)]
    monkeypatch.setattr(folder, "entries", lambda: tuple(long))
    found = list_loras(folder)
    assert 2000 < len(found.loras) < MAX_LORAS
    assert len(encode_message(found).encode()) > lora_list.MAX_LIST_BYTES - 1000


async def test_the_server_answers_as_the_folder_is_now(meet, places):
    ana = await meet()
    await ana.say(ListLoras())
    assert await ana.wait_for(Loras) == Loras((), str(places.loras))
    put_lora(places.loras / "ink.safetensors")
    await ana.say(ListLoras())
    assert (await ana.wait_for(Loras, count=2)).loras == (LoraInfo("ink", ("sd1",)),)
    # a folder of LoRAs is none of models
    await ana.say(ListModels())
    assert [model.id for model in (await ana.wait_for(Models)).models] == ["starter"]
    assert ana.of(Refused) == []


async def test_a_picture_tells_what_it_drew(meet, hand, tools):
    hand.by_itself = True
    ana = await meet()
    drawing, plain = tools.new_job(prompt="a {red|green|blue} apple", count=4), tools.new_job(prompt="an apple")
    await ana.submit(drawing)
    await ana.submit(plain)
    done = await ana.wait_for(Done, drawing.id)
    prompts = [picture.prompt for picture in done.pictures]
    assert set(prompts) <= {f"a {colour} apple" for colour in ("red", "green", "blue")}
    assert len(set(prompts)) > 1
    assert [picture.prompt for picture in (await ana.wait_for(Done, plain.id)).pictures] == [""]
    # alone it is the same
    again = tools.new_job(prompt=drawing.prompt, seed=drawing.seed_of(2))
    await ana.submit(again)
    assert (await ana.wait_for(Done, again.id)).pictures[0].prompt == prompts[2]
