"""Fetches the packages of drawings and words, at pinned versions, with npm: whatever registry npm is set up for serves them."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final, NamedTuple


class PackageError(Exception):
    """A package could not be fetched, or is not the one that was pinned."""


class Package(NamedTuple):
    """One npm package: its name, version, licence (SPDX), and npm's integrity string (SHA-512, base64) of its tarball."""

    name: str
    version: str
    licence: str
    integrity: str

    @property
    def file_name(self) -> str:
        """What npm calls the tarball of this package."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


DRAWINGS: Final = {
    "fluent-emoji-flat": Package(
        "@iconify-json/fluent-emoji-flat",
        "1.2.6",
        "MIT",
        "sha512-RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    ),
    "fluent-emoji": Package(
        "@iconify-json/fluent-emoji",
        "1.2.7",
        "MIT",
        "sha512-D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==",
    ),
    "noto": Package(
        "@iconify-json/noto",
        "1.2.9",
        "Apache-2.0",
        "sha512-DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
    ),
    "noto-v1": Package(
        "@iconify-json/noto-v1",
        "1.2.5",
        "Apache-2.0",
        "sha512-/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==",
    ),
    "fxemoji": Package(
        "@iconify-json/fxemoji",
        "1.2.2",
        "Apache-2.0",
        "sha512-UAasRaxzFUKfIGSmLwnoarsssA4LX0VLLuEmplIqM6ZNQqIQRtav8tZ4H1neTlBreXuMQyAifr5jP4kn78DpiQ==",
    ),
    "twemoji": Package(
        "@iconify-json/twemoji",
        "1.2.5",
        "CC-BY-4.0",
        "sha512-uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==",
    ),
}
"""Sets of drawings by name, in the format of Iconify."""

WORDS: Final = {
    "emojibase-data": Package(
        "emojibase-data",
        "17.0.0",
        "MIT",
        "sha512-Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
    ),
    "emojilib": Package(
        "emojilib",
        "4.0.3",
        "MIT",
        "sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
    ),
}
"""Labels and keywords of what the drawings show."""

OPEN_LICENCES: Final = frozenset({"MIT", "Apache-2.0", "CC0-1.0", "CC-BY-4.0"})
"""Nothing under other terms may be added above: the weights are passed on, and these terms ask for no more than attribution."""

FETCH_SECONDS: Final = 600
"""How long npm may take for one package; the largest has 14 MB."""


def fetch(package: Package, folder: Path) -> Path:
    """The package's tarball in `folder`, fetched if it is not there, and held against its pinned hash in any case."""
    path = folder / package.file_name
    if not path.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise PackageError(
                f"npm fetches the drawings, and is not installed. Install Node.js, or put {package.file_name} in {folder}."
            )
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", "--silent", "--pack-destination", str(folder), f"{package.name}@{package.version}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, cwd=folder)  # noqa: S603
        if done.returncode or not path.exists():
            raise PackageError(f"npm could not fetch {package.name} {package.version}: {done.stderr.strip()[-400:]}")
    verify(package, path)
    return path


def verify(package: Package, path: Path) -> None:
    """Raise PackageError, and remove the file, unless it is the tarball that was pinned."""
    digest = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if digest != package.integrity:
        path.unlink()
        raise PackageError(f"{path.name} is not the file that was pinned ({digest}); it was removed. Fetch it again.")


def read_json(tarball: Path, name: str) -> Any:  # noqa: ANN401 - whatever JSON the package has
    """The JSON file `name` of a package; None if the package has no such file."""
    with tarfile.open(tarball) as archive:
        try:
            member = archive.extractfile(f"package/{name}")
        except KeyError:
            return None
        return None if member is None else json.load(member)
