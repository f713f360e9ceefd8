"""From a job and a family's facts to a plan. Pure: no torch, no files, no pixels."""

from .events import Finished as Finished
from .events import PictureMade as PictureMade
from .events import PlanEnd as PlanEnd
from .events import PlanEvent as PlanEvent
from .events import PreviewMade as PreviewMade
from .events import Stepped as Stepped
from .events import Stopped as Stopped
from .events import WentWrong as WentWrong
from .plan import MaskPlan as MaskPlan
from .plan import Plan as Plan
