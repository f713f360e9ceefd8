"""Reference layers and LoRAs in a real Krita, by tiny models in the painter's folder; each check of the script is a test here."""

import re
import shutil
from pathlib import Path

import pytest
from tiny_models.loras import attention, random_pairs, save_peft
from tiny_models.oracle import load_pipeline

pytestmark = pytest.mark.krita

SCRIPT = "inside_works_from.py"
CHECKS = re.findall(r"^def (check_\w+)", (Path(__file__).parent / SCRIPT).read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome(atelier, tiny_sd15, tiny_flux_kontext):
    home = atelier()
    models = home.folder / "scumble" / "models"
    shutil.copytree(tiny_sd15, models / "sd15")
    shutil.copytree(tiny_flux_kontext, models / "flux_kontext")
    (models / "loras").mkdir()
    save_peft(models / "loras" / "ink.safetensors", random_pairs(load_pipeline(tiny_sd15), attention))
    return home.start(SCRIPT)


@pytest.mark.parametrize("name", CHECKS)
def test_works_from(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem
