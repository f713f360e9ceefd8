"""The docker's looks in a real Krita, dark and bright: photographed, and nothing of it cut off at 300 pixels.

The pictures of the README are made by this: SCUMBLE_TEST_SHOTS names a folder that gets them.
"""

import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

pytestmark = pytest.mark.krita

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "table.png"
MASK = EXAMPLE.with_name("table-mask.png")
CHECKS = re.findall(r"^def (check_\w+)", (HERE / "inside_looks.py").read_text("utf-8"), re.MULTILINE)


LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
LORAS = (
    "ink",
    "styles/watercolour wash",
    "styles/a name that is so long that no menu of a narrow docker shows all of it",
)


def put_loras(folder):
    """LoRAs by their heads, for the embedded model's family: none of them is used here."""
    for name in LORAS:
        path = folder / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({f"{LAYER}.lora_A.weight": torch.ones(1, 768), f"{LAYER}.lora_B.weight": torch.ones(4, 1)}, path)


@pytest.mark.parametrize(("name", "theme"), [("dark", "Krita dark"), ("bright", "Krita bright")])
def test_nothing_is_cut_off(atelier, tiny_flux2_klein, name, theme):
    home = atelier(theme)
    models = home.folder / "scumble" / "models"
    shutil.copytree(tiny_flux2_klein, models / "Klein")
    put_loras(home.folder / "loras")
    folders = {"LORAS_TO_COME": str(home.folder / "loras"), "LORAS": str(models / "loras")}
    outcome = home.start("inside_looks.py", LOOK=name, EXAMPLE=str(EXAMPLE), MASK=str(MASK), **folders)
    assert outcome.checks == dict.fromkeys(CHECKS, ""), (outcome.checks, outcome.detail, outcome.log[-2000:])
    assert name in outcome.notes
    moments = ["not-running", "ready", "works-from", "lora", "running", "variations", "applied", "error"]
    assert {f"{name}-{moment}.png" for moment in moments} <= {shot.name for shot in home.shots.iterdir()}
