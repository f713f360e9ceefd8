"""The control for layers, against a double of the studio. Started by `test_bindings.py`."""

from dataclasses import replace

from room import no_icon, part, settle

from krita_plugin.docker import Panel
from krita_plugin.qt import QtCore, QtWidgets
from krita_plugin.studio import Settings


def test_it_is_there_only_where_the_style_makes_layers(studio, panel):
    spin = part(panel, "scumbleLayers")
    assert not spin.isVisible()
    studio.set(most_layers=6)
    settle()
    assert spin.isVisible()
    assert (spin.minimum(), spin.maximum(), spin.value()) == (1, 6, 4)
    studio.set(most_layers=0)
    settle()
    assert not spin.isVisible()
    assert studio.calls == []


def test_it_changes_its_own_field_and_no_other(studio, panel):
    studio.set(most_layers=10)
    before = studio.settings
    part(panel, "scumbleLayers").setValue(7)
    assert studio.done("change") == [(replace(before, layers=7),)]


def test_what_is_set_for_a_model_that_makes_more_stays_set(studio, panel):
    studio.settings = Settings(layers=9)
    studio.set(most_layers=5)
    assert part(panel, "scumbleLayers").value() == 5
    assert studio.calls == []
    studio.set(most_layers=10)
    assert part(panel, "scumbleLayers").value() == 9
    assert studio.calls == []


def test_the_button_and_the_prompt_say_what_is_done(studio, panel):
    button, prompt = part(panel, "scumbleGenerate"), part(panel, "scumblePrompt")
    assert (button.text(), prompt.placeholderText()) == ("Generate", "What belongs in the selection?")
    studio.set(most_layers=10)
    assert button.text() == "Take apart"
    assert "empty" in prompt.placeholderText()
    assert "group" in button.toolTip()
    studio.set(most_layers=0)
    assert (button.text(), prompt.placeholderText()) == ("Generate", "What belongs in the selection?")


def test_a_docker_that_opens_with_such_a_style_shows_no_window_of_its_own(studio):
    studio.most_layers = 10
    shown = Windows()
    QtWidgets.QApplication.instance().installEventFilter(shown)
    made = Panel(studio, no_icon)
    made.show()
    settle()
    QtWidgets.QApplication.instance().removeEventFilter(shown)
    assert part(made, "scumbleLayers").isVisible()
    assert shown.names == {"scumblePanel"}
    made.close()
    made.deleteLater()
    settle()


class Windows(QtCore.QObject):
    """Notes every window that comes to be seen."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def eventFilter(self, watched, event):
        if event.type() == QtCore.QEvent.Type.Show and isinstance(watched, QtWidgets.QWidget) and watched.isWindow():
            self.names.add(watched.objectName())
        return False
