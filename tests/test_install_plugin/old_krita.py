"""Run by an old Python, with a stand-in for its Krita: the plugin must be read, and say what is wrong in a docker."""

import sys
import types

SAID, FACTORIES = [], []


class Anything:
    """Qt as far as a label and a docker go."""

    def __init__(self, *arguments):
        SAID.extend(one for one in arguments if isinstance(one, str))

    def __getattr__(self, name):
        return lambda *_: Anything()

    def __or__(self, other):
        return self


class Names:
    def __getattr__(self, name):
        return Names()

    def __or__(self, other):
        return self


def module(name, **contents):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(contents)
    return sys.modules[name]


class Application:
    @staticmethod
    def instance():
        return Application

    @staticmethod
    def addDockWidgetFactory(factory):
        FACTORIES.append(factory)


class DockWidget(Anything):
    pass


class Factory:
    def __init__(self, name, position, make):
        self.make = make


qt = {name: module("PyQt5." + name) for name in ("QtCore", "QtGui", "QtWidgets")}
qt["QtCore"].Qt = Names()
for name in ("QAction", "QActionGroup", "QShortcut", "QDockWidget", "QWidget"):
    setattr(qt["QtWidgets"], name, Anything)
qt["QtWidgets"].QLabel = type("QLabel", (Anything,), {"TextSelectableByMouse": 1})
module("PyQt5", **qt)
module("pykrita")
module("krita", Krita=Application, DockWidget=DockWidget, DockWidgetFactory=Factory, DockWidgetFactoryBase=Names())

sys.path.insert(0, sys.argv[1])
import scumble  # noqa: E402, F401

assert "scumble.extension" not in sys.modules
assert len(FACTORIES) == 1
assert isinstance(FACTORIES[0].make(), DockWidget)
print(SAID[-1])
