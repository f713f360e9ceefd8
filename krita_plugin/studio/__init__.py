"""What the painter has set up and what becomes of it: settings per document, jobs on their way, pictures that wait.

No widgets: the docker shows what is here and passes on what the painter does. Everything is for Krita's main thread.
"""

import logging

from .notice import Notice as Notice
from .notice import NoticeAction as NoticeAction
from .notice import NoticeKind as NoticeKind
from .settings import MOST_VARIATIONS as MOST_VARIATIONS
from .settings import Reference as Reference
from .settings import Settings as Settings
from .studio import Studio as Studio
from .views import BackendState as BackendState
from .views import BackendView as BackendView
from .views import JobStage as JobStage
from .views import JobView as JobView
from .views import Offer as Offer
from .views import ReferenceView as ReferenceView

# where nobody has set up a log, nothing goes to stderr: Krita's users have no terminal
logging.getLogger(__name__).addHandler(logging.NullHandler())
