"""The nouns that the model learns to draw, in the order in which it learns them, and other words for them."""

from __future__ import annotations

from typing import Final, NamedTuple


class Noun(NamedTuple):
    """A thing by the word in captions, by its label in Unicode's CLDR, and by other words that painters may use."""

    word: str
    label: str
    others: tuple[str, ...] = ()


NOUNS: Final = (
    Noun("apple", "red apple", ("fruit",)),
    Noun("tree", "deciduous tree", ("oak", "oak tree", "maple")),
    Noun("house", "house", ("cottage", "home", "hut", "building")),
    Noun("car", "automobile", ("automobile", "sedan", "auto")),
    Noun("star", "star", ("golden star",)),
    Noun("heart", "red heart", ("love heart", "love")),
    Noun("cat", "cat face", ("kitten", "kitty", "cat face")),
    Noun("fish", "tropical fish", ("tropical fish", "goldfish")),
    Noun("mushroom", "mushroom", ("toadstool", "fungus")),
    Noun("strawberry", "strawberry", ("berry",)),
    Noun("cactus", "cactus", ("succulent",)),
    Noun("sun", "sun", ("sunshine",)),
    Noun("moon", "crescent moon", ("crescent moon", "crescent")),
    Noun("castle", "castle", ("fortress", "palace")),
    Noun("dog", "dog face", ("puppy", "hound", "doggy", "dog face")),
    Noun("boat", "sailboat", ("sailboat", "yacht", "ship")),
    Noun("rocket", "rocket", ("spaceship", "space rocket")),
    Noun("balloon", "balloon", ("party balloon",)),
    Noun("umbrella", "umbrella", ("parasol",)),
    Noun("butterfly", "butterfly", ("moth",)),
    Noun("pine tree", "evergreen tree", ("fir", "fir tree", "pine", "conifer", "spruce")),
    Noun("sunflower", "sunflower", ("daisy",)),
    Noun("banana", "banana", ("plantain",)),
    Noun("mug", "hot beverage", ("cup of coffee", "coffee", "cup of tea", "cup")),
    Noun("carrot", "carrot"),
    Noun("penguin", "penguin"),
    Noun("frog", "frog", ("toad",)),
    Noun("rabbit", "rabbit face", ("bunny", "hare")),
    Noun("turtle", "turtle", ("tortoise",)),
    Noun("whale", "spouting whale"),
    Noun("bee", "honeybee", ("bumblebee", "wasp")),
    Noun("tulip", "tulip", ("flower", "blossom")),
    Noun("bus", "bus", ("coach",)),
    Noun("airplane", "airplane", ("plane", "jet", "aeroplane")),
    Noun("cloud", "cloud"),
    Noun("key", "key"),
    Noun("pear", "pear"),
    Noun("lemon", "lemon"),
    Noun("bell", "bell"),
    Noun("cake", "birthday cake", ("birthday cake",)),
    Noun("crown", "crown"),
    Noun("ghost", "ghost"),
    Noun("robot", "robot"),
    Noun("guitar", "guitar"),
    Noun("snowman", "snowman without snow"),
    Noun("pizza", "pizza"),
    Noun("ball", "soccer ball", ("football",)),
    Noun("bird", "bird"),
)

BY_WORD: Final = {noun.word: noun for noun in NOUNS}


def with_article(words: str) -> str:
    """The words with "a" or "an" before them."""
    return f"{'an' if words[0] in 'aeio' or words.startswith('um') else 'a'} {words}"
