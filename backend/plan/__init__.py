"""From a job and the facts about its model to a plan. Pure: no torch, no files, no pixels."""

from .events import DeviceLost as DeviceLost
from .events import Finished as Finished
from .events import PictureMade as PictureMade
from .events import PlanEnd as PlanEnd
from .events import PlanEvent as PlanEvent
from .events import PreviewMade as PreviewMade
from .events import Stepped as Stepped
from .events import Stopped as Stopped
from .events import WentWrong as WentWrong
from .make import PlanError as PlanError
from .make import make_plan as make_plan
from .plan import MaskPlan as MaskPlan
from .plan import Plan as Plan
