"""The model library: what is there, what it is, and whether it is sound. Reads headers, never weights; no torch."""

from .hashes import verify as verify
from .library import STARTER_ID as STARTER_ID
from .library import Library as Library
from .library import ModelEntry as ModelEntry
from .loras import LORAS as LORAS
from .loras import LoraEntry as LoraEntry
from .loras import LoraFolder as LoraFolder
from .loras import NoSuchLora as NoSuchLora
from .problems import ModelError as ModelError
from .problems import NotUsable as NotUsable
from .size import numbers_in as numbers_in
