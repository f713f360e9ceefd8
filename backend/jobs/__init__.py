"""The queue: fair order, cancel, exactly one end per job, results kept until taken."""

from .attachments import Attachments as Attachments
from .bench import Planner as Planner
from .desk import Desk as Desk
from .failures import Refusal as Refusal
from .queue import FairQueue as FairQueue
from .queue import JobKey as JobKey
from .readers import Reader as Reader
from .spool import Spool as Spool
from .spool_file import EndedJob as EndedJob
