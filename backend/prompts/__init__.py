"""The language of prompts: weights, BREAK, choices, wildcards, LoRAs, comments. Pure: from a text and a seed to frozen values."""

from .choices import Wildcards as Wildcards
from .comments import without_comments as without_comments
from .draw import Draws as Draws
from .loras import without_loras as without_loras
from .prompt import MAX_WEIGHT as MAX_WEIGHT
from .prompt import Fragment as Fragment
from .prompt import LoraUse as LoraUse
from .prompt import Prompt as Prompt
from .prompt import Words as Words
from .read import Reading as Reading
from .read import read_prompt as read_prompt
from .shown import shown as shown
from .wildcards import NoWildcard as NoWildcard
from .wildcards import WildcardFolder as WildcardFolder
from .wildcards import no_wildcards as no_wildcards
