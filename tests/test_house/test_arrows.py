"""Who may import whom: the table of docs/architecture.md, held against every import statement, wherever it stands."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("protocol", "backend", "starter", "krita_plugin", "controlnet", "regions")

# A room is a module or package; the longest name that fits a module is its room. A room may always import itself.
ARROWS: dict[str, set[str]] = {
    "protocol": set(),
    "backend": set(),
    "backend.places": set(),
    "backend.styles": {"protocol"},
    "backend.prompts": {"protocol"},
    "backend.plan": {"protocol", "backend.families.facts", "backend.prompts"},
    "backend.pixels": {"protocol"},
    "backend.families.facts": {"protocol"},
    "backend.models": {"protocol", "backend.families.facts", "starter"},
    "backend.jobs": {"protocol", "backend.plan", "backend.models", "backend.executors.interface"},
    "backend.server": {
        "protocol",
        "backend",
        "backend.jobs",
        "backend.models",
        "backend.places",
        "backend.styles",
        "backend.plan",
        "backend.prompts",
        "backend.families.facts",
        "backend.executors.interface",
        "backend.families.schedules.samplers",
    },
    "backend.executors.interface": {"protocol", "backend.plan"},
    "backend.executors": {"protocol", "backend", "backend.plan", "backend.executors.interface", "backend.places"},
    "backend.executors.worker": {
        "protocol",
        "backend.plan",
        "backend.executors",
        "backend.executors.interface",
        "backend.engine",
        "backend.models",
        "backend.places",
    },
    "backend.engine": {
        "protocol",
        "backend.plan",
        "backend.prompts",
        "backend.families",
        "backend.families.facts",
        "backend.fill",
        "backend.models",
        "backend.pixels",
        "controlnet",
        "regions",
    },
    "backend.families.schedules.samplers": set(),
    "backend.families": {
        "protocol",
        "backend.families.facts",
        "backend.families.schedules.samplers",
        "backend.prompts",
    },
    "backend.fill": {"protocol"},
    "backend.client": {"protocol"},
    "backend.cli": {
        "protocol",
        "backend",
        "backend.client",
        "backend.server",
        "backend.executors",
        "backend.models",
        "backend.pixels",
        "backend.places",
        "backend.plugin",
        "backend.styles",
        "backend.families.schedules.samplers",
    },
    "backend.plugin": {"protocol", "backend.places"},
    "starter": set(),
    "controlnet": set(),
    "regions": set(),
    "krita_plugin": {
        "krita_plugin.bundled",
        "krita_plugin.qt",
        "krita_plugin.canvas",
        "krita_plugin.link",
        "krita_plugin.studio",
        "krita_plugin.docker",
    },
    "krita_plugin.bundled": {"protocol"},
    "krita_plugin.qt": set(),
    "krita_plugin.link": {"krita_plugin.bundled", "krita_plugin.qt"},
    "krita_plugin.canvas": {"krita_plugin.bundled", "krita_plugin.qt"},
    "krita_plugin.studio": {
        "krita_plugin.bundled",
        "krita_plugin.qt",
        "krita_plugin.canvas",
        "krita_plugin.link",
    },
    "krita_plugin.docker": {
        "krita_plugin.bundled",
        "krita_plugin.qt",
        "krita_plugin.canvas",
        "krita_plugin.link",
        "krita_plugin.studio",
    },
}

# The part of the house that must start within a second, and runs where no torch is.
LIGHT = (
    "protocol",
    "backend",
    "backend.places",
    "backend.styles",
    "backend.prompts",
    "backend.plan",
    "backend.pixels",
    "backend.families.facts",
    "backend.families.schedules.samplers",
    "backend.models",
    "backend.jobs",
    "backend.server",
    "backend.executors",
    "backend.executors.interface",
    "backend.client",
    "backend.plugin",
    "backend.cli",
)
HEAVY = {"torch", "torchvision", "diffusers", "transformers", "accelerate", "peft", "tokenizers", "safetensors"}


def files():
    return sorted(path for top in TOP for path in (ROOT / top).rglob("*.py"))


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module, rooms):
    fitting = [room for room in rooms if module == room or module.startswith(room + ".")]
    return max(fitting, key=len, default=None)


def imported(source, module, is_package, known):
    """Yield the absolute name and the line of everything that a module's source imports, at its top or inside a function."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                # "from backend import fill" imports backend.fill
                submodule = f"{base}.{alias.name}"
                yield (submodule if submodule in known else base, node.lineno)


def wrong_arrows(source, module, is_package, known):
    room = room_of(module, ARROWS)
    for name, line in imported(source, module, is_package, known):
        if name.split(".")[0] not in TOP:
            continue
        other = room_of(name, ARROWS)
        if other != room and other not in ARROWS[room]:
            yield f"line {line}: {module} (room {room}) imports {name} (room {other})"


def test_every_module_is_in_a_room():
    # `backend` itself is a room of one file: whatever else lies there needs a room of its own
    homeless = [module for path in files() if (module := module_of(path)) and room_of(module, ARROWS) is None]
    assert homeless == []
    strays = [
        module
        for path in files()
        if room_of(module := module_of(path), ARROWS) == "backend" and module not in ("backend", "backend.__main__")
    ]
    assert strays == []


@pytest.mark.parametrize("path", files(), ids=module_of)
def test_no_arrow_points_the_wrong_way(path):
    known = {module_of(other) for other in files()}
    found = list(wrong_arrows(path.read_text("utf-8"), module_of(path), path.name == "__init__.py", known))
    assert found == []


@pytest.mark.parametrize("path", [path for path in files() if room_of(module_of(path), ARROWS) in LIGHT], ids=module_of)
def test_the_light_part_of_the_house_does_not_name_torch(path):
    names = imported(path.read_text("utf-8"), module_of(path), path.name == "__init__.py", set())
    assert [(name, line) for name, line in names if name.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("protocol.wire", "import backend"),
        ("protocol.wire", "def late():\n    from backend.plan import Plan"),
        ("protocol.wire", "if TYPE_CHECKING:\n    import starter"),
        ("backend.plan.make", "from backend.families.sd1 import Adapter"),
        ("backend.plan.make", "from ..pixels import raw"),
        ("backend.plan.make", "from backend import pixels"),
        ("backend.models.library", "from backend.engine import Engine"),
        ("backend.jobs.desk", "from backend.executors import LocalProcess"),
        ("backend.jobs.desk", "from backend.executors.local import LocalProcess"),
        ("backend.executors.local", "from backend.engine import Engine"),
        ("backend.executors.local", "from .worker import main"),
        ("backend.client", "from backend.places import Places"),
        ("backend.server.session", "from backend.engine import Engine"),
        ("backend.server.session", "from backend.cli import main"),
        ("backend.cli.paint", "from backend.engine import Engine"),
        ("backend.engine.loop", "from backend.server import serve"),
        ("starter.train", "import backend.fill"),
        ("krita_plugin.link.link", "import protocol"),
        ("krita_plugin.link.link", "from protocol import Job"),
        ("krita_plugin.link.link", "from backend.client import Client"),
        ("krita_plugin.link.link", "from ..studio import jobs"),
        ("krita_plugin.canvas.layers", "from ..link.link import Link"),
        ("krita_plugin.studio.jobs", "from ..docker.widget import Widget"),
        ("backend.client", "from krita_plugin.link import discovery"),
        ("backend.cli.doctor", "import krita_plugin"),
    ],
)
def test_a_wrong_arrow_is_found(module, source):
    known = {module_of(other) for other in files()}
    assert list(wrong_arrows(source, module, False, known))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("backend.plan.make", "from protocol import Job\nfrom .plan import Plan\nimport math"),
        ("backend.executors.worker", "from backend.engine import Engine"),
        ("backend.engine.loop", "from backend import fill"),
        ("krita_plugin.link.link", "from ..bundled import protocol\nfrom ..qt import QtCore\nfrom . import places"),
        ("krita_plugin.studio.jobs", "from ..link.link import Link"),
    ],
)
def test_a_right_arrow_is_let_be(module, source):
    known = {module_of(other) for other in files()}
    assert list(wrong_arrows(source, module, False, known)) == []
