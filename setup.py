"""The one thing that pyproject.toml cannot say: the plugin's zip is built along with the package, and is part of it."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithPlugin(build_py):
    """Puts the zip beside the modules; an editable installation makes it when it is wanted."""

    def run(self) -> None:
        """Build the modules, then the zip."""
        super().run()
        if not self.editable_mode:
            zip_file = Path(self.build_lib, "backend", "plugin", "scumble-krita.zip")
            zip_file.write_bytes(runpy.run_path("packaging/plugin_zip.py")["build"]())


setup(cmdclass={"build_py": BuildWithPlugin})
