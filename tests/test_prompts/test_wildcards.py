"""A painter's folder of wildcards, and what must not be read through it."""

import os

import pytest

from backend.prompts import NoWildcard, WildcardFolder
from backend.prompts.wildcards import MAX_FILE_BYTES, MAX_FILES


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.txt").write_text("secret\n")
    home = tmp_path / "wildcards"
    (home / "animals").mkdir(parents=True)
    (home / "colours.txt").write_text("# colours\nred\n\n  green  # as grass\n\\#0000ff\n", "utf-8")
    (home / "animals" / "birds.txt").write_bytes("\ufeffAmsel\r\nGrünfink\r\n".encode())
    return home


@pytest.fixture
def wildcards(folder):
    return WildcardFolder(folder)


def test_one_choice_a_line_without_comments_and_empty_lines(wildcards):
    assert wildcards.choices("colours") == ("red", "green", "\\#0000ff")


def test_a_name_may_have_folders(wildcards):
    assert wildcards.choices("animals/birds") == ("Amsel", "Grünfink")


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "animals/../../secret",
        "./colours",
        "/etc/hostname",
        "",
        "animals/",
        "..",
        "animals//birds",
        "..\\secret",
    ],
)
def test_no_name_leads_out_of_the_folder(wildcards, name):
    with pytest.raises(NoWildcard, match="no name of a file"):
        wildcards.choices(name)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_no_link_leads_out_of_the_folder(folder, wildcards, what):
    try:
        if what == "file":
            (folder / "out.txt").symlink_to(folder.parent / "secret.txt")
        else:
            (folder / "up").symlink_to(folder.parent, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    with pytest.raises(NoWildcard, match="outside"):
        wildcards.choices("out" if what == "file" else "up/secret")


def test_a_folder_that_is_a_link_itself_is_the_painters_own_wish(folder, tmp_path):
    try:
        (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    assert WildcardFolder(tmp_path / "link").choices("animals/birds") == ("Amsel", "Grünfink")


def refusal(wildcards, name):
    with pytest.raises(NoWildcard) as refused:
        wildcards.choices(name)
    return str(refused.value)


def test_an_unknown_name_says_where_its_file_belongs(wildcards, folder, tmp_path):
    said = refusal(wildcards, "trees")
    assert "'__trees__'" in said
    assert f"no trees.txt in {folder}" in said
    assert "no trees.txt" in refusal(WildcardFolder(tmp_path / "nothing"), "trees")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"# only\n#comments\n", "empty"),
        (b"caf\xe9\n", "UTF-8"),
        (b"x\n" * (MAX_FILE_BYTES // 2 + 1), "larger than 1024 KiB"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(folder, wildcards, content, why):
    (folder / "bad.txt").write_bytes(content)
    assert why in refusal(wildcards, "bad")


def test_the_largest_file_is_read(folder, wildcards):
    (folder / "large.txt").write_bytes(b"x\n" * (MAX_FILE_BYTES // 2))
    assert len(wildcards.choices("large")) == MAX_FILE_BYTES // 2


def test_a_folder_or_pipe_in_its_place_makes_nobody_wait(folder, wildcards):
    (folder / "dir.txt").mkdir()
    assert "taken as it stands" in refusal(wildcards, "dir")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.txt")
        assert "no file" in refusal(wildcards, "pipe")


def test_what_is_read_once_stays_the_same(folder, wildcards):
    before = wildcards.choices("colours")
    (folder / "colours.txt").write_text("black\n")
    (folder / "late.txt").write_text("late\n")
    assert wildcards.choices("colours") == before
    assert WildcardFolder(folder).choices("colours") == ("black",)


def test_only_so_many_files_are_read(folder, wildcards):
    for number in range(MAX_FILES):
        refusal(wildcards, f"none{number}")
    assert str(MAX_FILES) in refusal(wildcards, "colours")
