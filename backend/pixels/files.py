"""Picture files: open them, and write them with all they carried."""

from __future__ import annotations

from .errors import PictureError as PictureError
from .picture import PictureFile as PictureFile
from .reading import open_mask as open_mask
from .reading import open_picture as open_picture
from .writing import check_folder as check_folder
from .writing import check_target as check_target
from .writing import save_new as save_new
from .writing import save_with as save_with
