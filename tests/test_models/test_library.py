"""Everything that lies in the folder is listed, and nothing outside it is ever touched."""

import os
import pickle
import shutil
import subprocess
import sys

import pytest

from backend.models import Library, ModelError
from backend.models.library import _within
from protocol import decode_message, encode_message
from protocol.messages import Models
from protocol.vocabulary import EVENTS


def by_name(library):
    library.scan()
    return {info.name: info for info in library.infos()}


def test_the_embedded_model_is_there_without_any_folder(tmp_path):
    library = Library(tmp_path / "nothing")
    assert [info.id for info in library.infos()] == ["starter"]
    assert library.default() == "starter"
    assert library.find("").info.id == "starter"
    library.find("starter").verify()


def test_the_embedded_model_stays_the_default_beside_others(model, library):
    infos = library.infos()
    assert infos[0].id == library.default() == "starter"
    assert all(not info.problem for info in infos)
    assert library.find(infos[1].id).folder == model.resolve()


def test_a_damaged_embedded_model_is_listed_and_another_takes_its_place(model, shelf, tmp_path):
    library = Library(shelf, embedded=tmp_path / "gone")
    assert library.infos()[0].problem
    assert library.default() == library.infos()[1].id
    with pytest.raises(ModelError) as refused:
        library.find("starter")
    assert refused.value.failure.code == "unusable_model"
    shutil.rmtree(model)
    library.scan()
    with pytest.raises(ModelError) as none_left:
        library.default()
    assert none_left.value.failure.code == "no_model"


def test_ids_stay_and_give_no_place_away(model, shelf, library):
    (shelf / "artist").mkdir()
    shutil.copytree(model, shelf / "artist" / "My Model 1.5")
    library.scan()
    ids = [info.id for info in library.infos()]
    assert len(set(ids)) == 3
    assert Library(shelf).infos() == library.infos()
    for model_id in ids:
        assert "/" not in model_id
        assert "artist" not in model_id
    shutil.copytree(model, shelf / "A new one")
    library.scan()
    assert set(ids) < {info.id for info in library.infos()}


@pytest.mark.parametrize(
    "wanted", ["nobody", "../My Model 1.5", "My Model 1.5", "/etc/passwd", "starter/../starter", "a\x00b", "\udcff"]
)
def test_a_path_is_no_id(model, library, wanted):
    with pytest.raises(ModelError) as refused:
        library.find(wanted)
    assert refused.value.failure.code == "unknown_model"


def test_a_model_that_came_later_is_found_by_its_id(model, shelf, library):
    other = Library(shelf)
    shutil.move(model, shelf.parent / "away")
    assert len(library.infos()) == 1
    shutil.move(shelf.parent / "away", model)
    assert library.find(other.infos()[1].id).info == other.infos()[1]


def test_a_model_that_leads_outside_is_listed_but_not_used(model, shelf, library):
    outside = shelf.parent / "outside"
    model.rename(outside)
    (shelf / "link").symlink_to(outside, target_is_directory=True)
    (shelf / "secret.safetensors").symlink_to(outside / "vae" / "diffusion_pytorch_model.safetensors")
    (shelf / "nowhere").symlink_to(shelf / "missing")
    (shelf / "round").symlink_to(shelf / "round")
    found = by_name(library)
    assert "outside" in found["link"].problem
    assert "outside" in found["secret.safetensors"].problem
    assert "nowhere" in found["nowhere"].problem
    assert "nowhere" in found["round"].problem


def test_a_folder_of_models_may_itself_be_a_link(model, shelf):
    link = shelf.parent / "link"
    link.symlink_to(shelf, target_is_directory=True)
    assert Library(link).infos()[1].problem == ""


def test_loose_files_are_listed_with_what_they_are(model, shelf, library):
    shutil.copy(model / "vae" / "diffusion_pytorch_model.safetensors", shelf / "single.safetensors")
    (shelf / "Old.CKPT").write_bytes(pickle.dumps({"a": 1}))
    (shelf / "evil.safetensors").write_bytes(pickle.dumps({"a": 1}))
    (shelf / "readme.txt").write_text("hello")
    os.mkfifo(shelf / "pipe.safetensors")
    found = by_name(library)
    assert "VAE alone" in found["single.safetensors"].problem
    assert "pickle" in found["Old.CKPT"].problem
    assert "pickle" in found["evil.safetensors"].problem
    assert "readme.txt" not in found
    assert "pipe.safetensors" not in found


def test_a_folder_without_its_index_is_a_broken_model_and_not_a_shelf(model, library):
    (model / "model_index.json").unlink()
    found = by_name(library)
    assert set(found) == {"Starter", model.name}
    assert "model_index.json is missing" in found[model.name].problem


def test_shelves_are_looked_through_but_not_for_ever(model, shelf, library):
    deep = shelf / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    shutil.copytree(model, shelf / "a" / "b" / "reached")
    shutil.copytree(model, deep / "too deep")
    found = by_name(library)
    assert "reached" in found
    assert "too deep" not in found


def test_any_name_on_the_disk_can_travel(model, shelf, library):
    strange = os.fsencode(shelf) + b"/bad\xff\nname"
    os.rename(model, strange)
    library.scan()
    message = Models(library.infos())
    assert decode_message(encode_message(message), EVENTS) == message
    encode_message(message).encode("utf-8")
    assert library.infos()[1].problem == ""
    assert "\n" not in library.infos()[1].name


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_is_told(model, only):
    model.chmod(0)
    try:
        assert "permissions" in only().problem
    finally:
        model.chmod(0o755)


def forbid(monkeypatch, folder):
    """Let the folder be read but not entered, as by chmod 644: root may enter any."""

    def forbidding(function):
        def ask(path, *arguments, **options):
            if not isinstance(path, int) and str(path).startswith(f"{folder}/"):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *arguments, **options)

        return ask

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, forbidding(getattr(os, name)))


def test_a_folder_that_may_be_read_but_not_entered_is_told_and_holds_up_nothing(model, shelf, library, monkeypatch):
    forbid(monkeypatch, shelf)
    found = by_name(library)
    assert found[model.name].problem == "It cannot be read. Look at its folder's permissions."
    assert library.find("starter").info.id == library.default() == "starter"


def test_a_model_that_may_be_read_but_not_entered_is_told(model, library, monkeypatch):
    forbid(monkeypatch, model)
    assert by_name(library)[model.name].problem
    assert library.find("starter").info.id == "starter"


def test_a_link_that_leads_round_is_no_part_of_a_model(shelf):
    (shelf / "round").symlink_to(shelf / "round")
    (shelf / "part").touch()
    root = shelf.resolve()
    found = list(_within(root, [(root / "round", "round"), (root / "part", "part")], os.path.isfile))
    assert found == [root / "part"]


def test_no_torch_is_needed_to_know_the_models():
    code = "import sys, backend.models, backend.plan; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
