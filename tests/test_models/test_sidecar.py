"""What a model's folder says of itself goes before what is known of its family."""

import pytest

from protocol import Context


def test_each_field_overrides_the_family(model, entry, change):
    change(
        model / "scumble.json",
        title="Ink",
        native=256,
        least_side=96,
        most_pixels=90000,
        context={"padding": 0.25, "minimum": 64},
        steps=4,
        guidance=1,
        sampler="euler",
        dtype="bfloat16",
    )
    found = entry()
    facts = found.facts
    assert (facts.title, facts.native, facts.least_side, facts.most_pixels) == ("Ink", 256, 96, 90000)
    assert (facts.context, facts.steps, facts.guidance, facts.sampler) == (Context(0.25, 64), 4, 1.0, "euler")
    assert {facts.dtype_on(device) for device in ("cuda", "rocm", "mps", "xpu", "cpu")} == {"bfloat16"}
    assert (found.info.name, found.info.steps, found.info.guidance) == ("Ink", 4, 1.0)


def test_without_one_the_family_speaks(model, entry):
    facts = entry().facts
    assert (facts.steps, facts.guidance, facts.sampler) == (25, 7.5, "ddim")
    assert (facts.dtype_on("cuda"), facts.dtype_on("cpu"), facts.dtype_on("abacus")) == (
        "float16",
        "float32",
        "float32",
    )


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"step": 4}, "'step'"),
        ({"context": {"padding": 1.0, "minimum": 5, "max": 3}}, "'context.max'"),
        ({"context": {"padding": 1.0}}, "missing field 'minimum' at $.context"),
        ({"context": 5}, "$.context"),
        ({"steps": "4"}, "expected int, got str at $.steps"),
        ({"steps": True}, "$.steps"),
        ({"steps": 0}, "steps must lie between"),
        ({"guidance": -1}, "guidance must lie between"),
        ({"native": 1}, "native must lie between"),
        ({"title": ""}, "title"),
        ({"dtype": "int8"}, "$.dtype"),
        ({"sampler": "magic"}, "sampler must be one of ddim"),
        ({"most_pixels": 100}, "does not fit"),
    ],
)
def test_a_mistake_in_it_is_told(model, only, change, changes, word):
    change(model / "scumble.json", **changes)
    problem = only().problem
    assert "scumble.json" in problem
    assert word in problem
