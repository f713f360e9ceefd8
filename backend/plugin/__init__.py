"""The plugin on its way into Krita: as a zip, into Krita's folders, and out of them again. Knows Krita's folders, no Krita."""

from .bundle import Bundle as Bundle
from .bundle import read_bundle as read_bundle
from .bundle import shipped_zip as shipped_zip
from .errors import CannotInstall as CannotInstall
from .install import Installed as Installed
from .install import find_installed as find_installed
from .install import install as install
from .install import link as link
from .install import uninstall as uninstall
from .krita_folders import KritaFolders as KritaFolders
from .krita_folders import find_kritas as find_kritas
from .record import recorded_python as recorded_python
from .record import remove_record as remove_record
from .record import this_python as this_python
from .record import write_record as write_record
