"""What is known about each model family, one row each, and about one model: its family's row put right by its own files.

Pure data: no torch, no files.
"""

from .family import FamilyFacts as FamilyFacts
from .kinds import TEXT_ENCODER as TEXT_ENCODER
from .kinds import VAE as VAE
from .kinds import Device as Device
from .kinds import DType as DType
from .kinds import GuidanceKind as GuidanceKind
from .kinds import Prediction as Prediction
from .kinds import Variant as Variant
from .model import ModelFacts as ModelFacts
from .model import facts_of_model as facts_of_model
from .overrides import Overrides as Overrides
from .readings import Readings as Readings
from .rows import FAMILIES as FAMILIES
