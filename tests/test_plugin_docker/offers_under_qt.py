"""What waits for the painter in the docker, against a double of the studio. Started by `test_bindings.py`."""

from dataclasses import replace

from double import image, offers
from room import part, settle


def test_offers_are_chosen_applied_and_discarded(studio, panel):
    studio.pictures = {("one", 0): image("red", 700, 500), ("one", 2): image("blue", 500, 700)}
    studio.set(offers=offers(3))
    grid, large = part(panel, "scumbleOffers"), part(panel, "scumbleLarge")
    assert grid.count() == 3
    assert large.image() is studio.pictures["one", 0]
    grid.setCurrentRow(2)
    assert studio.done("choose")[-1] == ("one", 2)
    assert large.image() is studio.pictures["one", 2]
    part(panel, "scumbleApply").click()
    part(panel, "scumbleDiscard").click()
    part(panel, "scumbleDiscardAll").click()
    assert studio.done("apply") == studio.done("discard") == [("one", 2)]
    assert studio.done("discard_all") == [()]
    studio.set(offers=())
    for name in ("scumbleOffers", "scumbleApply", "scumbleLarge"):
        assert not part(panel, name).isVisible(), name


def test_the_next_one_is_chosen_after_a_discard(studio, panel):
    studio.set(offers=offers(4))
    grid = part(panel, "scumbleOffers")
    grid.setCurrentRow(1)
    left = tuple(offer for offer in studio.offers if offer.index != 1)
    studio.chosen = ("one", 0)
    studio.set(offers=left)
    assert grid.chosen_key() == ("one", 2) == studio.chosen
    studio.chosen = None
    studio.set(offers=left[:1])
    assert grid.chosen_key() == ("one", 0)
    assert not part(panel, "scumbleDiscardAll").isVisible()


def test_the_choice_of_the_studio_is_shown(studio, panel):
    studio.chosen = ("one", 2)
    studio.set(offers=offers(3))
    assert part(panel, "scumbleOffers").chosen_key() == ("one", 2)


def test_an_applied_one_is_marked_in_place(studio, panel):
    studio.set(offers=offers(2))
    grid = part(panel, "scumbleOffers")
    item = grid.item(1)
    before = grid.grab().toImage()
    studio.set(offers=(studio.offers[0], replace(studio.offers[1], applied=True)))
    assert grid.item(1) is item
    assert "Applied" in item.toolTip()
    assert "Applied" not in grid.item(0).toolTip()
    assert grid.grab().toImage() != before


def test_a_picture_that_comes_later_is_shown_when_it_is_here(studio, panel):
    studio.set(offers=offers(2))
    large = part(panel, "scumbleLarge")
    assert large.image() is studio.offers[0].thumbnail
    studio.pictures = {("one", 0): image("red", 700, 500)}
    studio.offers_changed.emit()
    assert large.image() is studio.pictures["one", 0]
    looks = len(studio.done("look"))
    studio.offers_changed.emit()
    assert len(studio.done("look")) == looks


def test_thumbnails_are_seen(studio, panel):
    studio.set(offers=offers(8))
    settle()
    grid = part(panel, "scumbleOffers")
    seen = grid.grab().toImage()
    for row, offer in enumerate(studio.offers):
        place = grid.visualItemRect(grid.item(row))
        assert grid.rect().contains(place)
        assert seen.pixelColor(place.center()).name() == offer.thumbnail.pixelColor(0, 0).name()


def test_results_elsewhere_are_told(studio, panel):
    studio.set(elsewhere=("Ship.kra", "Sea.kra"))
    line = part(panel, "scumbleElsewhere")
    assert line.isVisible()
    assert line.text() == "Results wait in: Ship.kra, Sea.kra"
    studio.set(elsewhere=())
    assert not line.isVisible()


def test_the_tooltip_tells_what_a_picture_drew(studio, panel):
    drawn = "a red apple " * 12
    first, second, third = offers(3)
    studio.set(offers=(first, replace(second, title="a red apple", drawn="a red apple"), replace(third, drawn=drawn)))
    grid = part(panel, "scumbleOffers")
    assert grid.item(1).toolTip().splitlines()[:2] == ["a red apple", "Seed 42"]
    lines = grid.item(2).toolTip().splitlines()
    assert " ".join(lines[:2]) == drawn.strip()
    assert lines[2] == "Seed 43"
    studio.set(offers=(replace(first, drawn="word " * 4000),))
    assert len(grid.item(0).toolTip()) < 1000
