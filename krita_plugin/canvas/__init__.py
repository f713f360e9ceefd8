"""Krita documents as values: what is selected, a snapshot of the part that a job needs, and a result as a new layer.

Everything here is to be called on Krita's main thread, except `Pixels.view()` and `Pixels.raster()`.
"""

from .anchor import Anchor as Anchor
from .anchor import Note as Note
from .api import Document as Document
from .api import Node as Node
from .api import running_krita as running_krita
from .colour import result_depth as result_depth
from .document import DOCUMENT_CLOSED as DOCUMENT_CLOSED
from .document import NO_DOCUMENT as NO_DOCUMENT
from .document import active_layer as active_layer
from .document import assign_identity as assign_identity
from .document import extent_of as extent_of
from .document import find_document as find_document
from .document import identity as identity
from .document import is_at_rest as is_at_rest
from .document import layer_by_id as layer_by_id
from .document import layer_id as layer_id
from .document import layers as layers
from .layer import NOT_AT_REST as NOT_AT_REST
from .layer import Added as Added
from .layer import Stack as Stack
from .layer import add_layer as add_layer
from .layer import layer_name as layer_name
from .layer import layer_steps as layer_steps
from .pixels import Pixels as Pixels
from .reference import reference_steps as reference_steps
from .reference import thumbnail_of as thumbnail_of
from .scaling import Steps as Steps
from .scaling import advance as advance
from .scaling import at_once as at_once
from .scaling import working_extent as working_extent
from .selection import read_mask as read_mask
from .selection import selected_bounds as selected_bounds
from .snapshot import Snapshot as Snapshot
from .snapshot import snapshot_steps as snapshot_steps
from .snapshot import take_snapshot as take_snapshot
