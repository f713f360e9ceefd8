"""The list of styles: what a painter can choose from, as the folder is now; what is broken is told and never offered."""

import os
import sys

import pytest

from backend.styles import MAX_PRESETS, MAX_PRESETS_BYTES, MAX_STYLE_BYTES, UnusablePreset, offer, read_preset
from protocol import (
    MAX_NAME_CHARS,
    MAX_PROMPT_CHARS,
    Context,
    Done,
    Failed,
    ListStyles,
    ModelInfo,
    Refused,
    Style,
    Styles,
    encode_message,
)


def model(model_id, title, problem="", samplers=("ddim", "euler")):
    return ModelInfo(model_id, title, "sd1", 512, 8, Context(0.5, 512), 25, 7.5, samplers, problem)


STARTER = model("starter", "Starter")
OILS = model("oils-1", "Oils")
BROKEN = model("broken-2", "Broken", "Its file is damaged. Fetch it again.")


@pytest.fixture
def put(tmp_path):
    """Write presets into a folder and return what is then offered beside these models."""

    def put(*models, **presets):
        for stem, text in presets.items():
            (tmp_path / f"{stem}.toml").write_text(text)
        return offer(tmp_path, models or (STARTER,))

    return put


def names(styles):
    return [style.name for style in styles.styles]


def test_without_a_folder_there_are_the_models(tmp_path):
    found = offer(tmp_path / "styles", (STARTER, BROKEN, OILS))
    assert found == Styles((Style("Starter", "starter"), Style("Oils", "oils-1")), str(tmp_path / "styles"))


def test_the_default_model_comes_first_then_presets_by_name_then_models_that_none_names(put):
    inks = model("inks-3", "Inks")
    found = put(
        STARTER,
        OILS,
        inks,
        a='name = "Zebra"\nmodel = "starter"',
        b='name = "apple"\nmodel = "oils-1"\nsteps = 4',
        c="guidance = 2",
    )
    assert names(found) == ["Starter", "apple", "c", "Zebra", "Inks"]
    assert found.styles[1] == Style("apple", "oils-1", steps=4)
    assert found.styles[2] == Style("c", guidance=2.0)
    assert found.problems == ()


def test_where_no_model_can_be_used_there_are_the_presets(put):
    assert names(put(BROKEN, a="steps = 3")) == ["a"]


def test_a_preset_keeps_its_name_and_a_model_of_that_name_gets_a_number(put):
    found = put(STARTER, model("x-1", "Oils"), model("x-2", "Oils"), a='name = "Starter"', b='name = "Oils (2)"')
    assert names(found) == ["Starter (2)", "Oils (2)", "Starter", "Oils", "Oils (3)"]
    assert found.styles[0].model == "starter"


def test_a_long_name_has_room_for_its_number(put):
    long = "n" * MAX_NAME_CHARS
    found = put(model("x-1", long), model("x-2", long))
    assert len({style.name for style in found.styles}) == 2


@pytest.mark.parametrize(
    ("preset", "code", "says"),
    [
        ("stepz = 3", "bad_style", "x.toml has the unknown key 'stepz'"),
        ("steps = = 3", "bad_style", "x.toml is no TOML"),
        ("steps = 0", "bad_style", "x.toml cannot be used: steps must lie between"),
        ('prompt = "\\u0000"', "bad_style", "unknown key 'prompt'"),
        ('negative = "\\u0000"', "bad_style", "null character"),
        ("steps = " + "[" * 20_000, "bad_style", "x.toml is no style: it is nested too deeply"),
        ("steps = 1" + "0" * 5000, "bad_style", "x.toml"),
        ("#" * (MAX_STYLE_BYTES + 1), "bad_style", "x.toml is larger than 64 KiB"),
        ('model = "nowhere"', "unknown_model", "x.toml names a model that is not there: 'nowhere'"),
        ('model = "broken-2"', "unusable_model", "x.toml names the model Broken, which cannot be used"),
        (
            'model = "starter"\nsampler = "dpm"',
            "unknown_sampler",
            "x.toml names a sampler that its model has not: 'dpm'",
        ),
    ],
)
def test_a_preset_that_cannot_be_used_is_a_problem_with_its_file_and_reason(put, preset, code, says):
    found = put(STARTER, BROKEN, good="steps = 5", x=preset)
    assert names(found) == ["Starter", "good"]
    (problem,) = found.problems
    assert problem.code == code
    assert says in problem.happened
    assert problem.remedy


def test_two_of_one_name_are_told_apart_by_leaving_out_the_second(put):
    found = put(a='name = "Soft"\nsteps = 1', b='name = "Soft"\nsteps = 2')
    assert found.styles[1:] == (Style("Soft", steps=1),)
    assert "b.toml has the same name as another one: Soft" in found.problems[0].happened


def test_what_is_no_file_makes_nobody_wait(tmp_path, put):
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "gone.toml").symlink_to(tmp_path / "nowhere")
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.toml")
    found = put(good="steps = 5")
    assert names(found) == ["Starter", "good"]
    assert len(found.problems) == (2 if sys.platform == "win32" else 3)


def test_other_files_are_no_presets(tmp_path, put):
    (tmp_path / "notes.txt").write_text("steps = 5")
    (tmp_path / ".hidden.toml").write_text("steps = 5")
    assert put() == Styles((Style("Starter", "starter"),), str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_can_be_told(tmp_path, put):
    with open(os.path.join(os.fsencode(tmp_path), b"\xff.toml"), "wb") as file:
        file.write(b"steps = 5")
    encode_message(put())


def test_a_file_written_on_windows_is_read(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbfsteps = 5\r\n")
    assert read_preset(tmp_path / "x.toml") == Style("x", steps=5)


def test_an_empty_name_is_the_files(tmp_path):
    (tmp_path / "x.toml").write_text('name = ""')
    assert read_preset(tmp_path / "x.toml").name == "x"
    (tmp_path / f"{'x' * 201}.toml").write_text("")
    with pytest.raises(UnusablePreset, match="at most 200"):
        read_preset(tmp_path / f"{'x' * 201}.toml")


def test_more_presets_than_a_list_holds_are_told_of(put):
    found = put(**{f"p{number:03}": f"steps = {number + 1}" for number in range(MAX_PRESETS)})
    assert (len(found.styles), found.problems) == (MAX_PRESETS + 1, ())
    found = put(zz="steps = 1")
    assert len(found.styles) == MAX_PRESETS + 1
    assert [problem.code for problem in found.problems] == ["too_many_styles"]


def test_the_longest_presets_and_models_still_make_one_message(put):
    preset = f'negative = "{"n" * (MAX_PROMPT_CHARS - 1)}"'
    models = [model(f"m-{number}", "\N{GRINNING FACE}" * MAX_NAME_CHARS) for number in range(256)]
    found = put(STARTER, *models, **{f"p{number:03}": preset for number in range(60)})
    assert 20 < len(found.styles) - 257 <= MAX_PRESETS_BYTES // MAX_PROMPT_CHARS
    assert [problem.code for problem in found.problems] == ["too_many_styles"]
    encode_message(found)


async def test_the_server_answers_as_the_folder_is_now(meet, places):
    ana = await meet()
    await ana.say(ListStyles())
    before = await ana.wait_for(Styles)
    assert (len(before.styles), before.styles[0].model, before.problems) == (1, "starter", ())
    assert before.folder == str(places.styles)
    places.styles.mkdir()
    (places.styles / "flat.toml").write_text('name = "Flat"\nmodel = "starter"\nsteps = 3')
    (places.styles / "bad.toml").write_text("stepz = 3")
    await ana.say(ListStyles())
    after = await ana.wait_for(Styles, count=2)
    assert after.styles == (before.styles[0], Style("Flat", "starter", steps=3))
    assert [problem.code for problem in after.problems] == ["bad_style"]


async def test_every_style_that_is_offered_can_be_sent(meet, places, hand, tools):
    places.styles.mkdir()
    (places.styles / "flat.toml").write_text('model = "starter"\nsampler = "ddim"\nsteps = 3')
    hand.by_itself = True
    ana = await meet()
    await ana.say(ListStyles())
    for style in (await ana.wait_for(Styles)).styles:
        job = tools.new_job(style=style)
        await ana.submit(job)
        await ana.wait_for((Done, Failed), job.id)
        assert ana.of(Done, job.id)


async def test_who_asks_too_often_is_refused(places, hand, reach):
    import threading

    from backend.models import Library
    from backend.server import Server
    from backend.server.lists import MAX_LISTS

    may_look = threading.Event()

    class SlowLibrary(Library):
        def scan(self) -> None:
            may_look.wait(10)
            super().scan()

    server = Server(places, hand, SlowLibrary(places.models))
    await server.start()
    try:
        ana = await reach(server)
        await ana.say(*[ListStyles()] * (MAX_LISTS + 1))
        refused = await ana.wait_for(Refused)
        assert (refused.request, refused.failure.code) == ("list_styles", "impatient")
        may_look.set()
        await ana.wait_for(Styles, count=MAX_LISTS)
    finally:
        may_look.set()
        await server.stop()
