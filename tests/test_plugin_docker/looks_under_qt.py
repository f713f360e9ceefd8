"""How the docker looks: nothing cut off at its least width, colours from the palette alone, every control explained."""

import inspect
from dataclasses import replace

import pytest
from double import image, job, offers, references
from room import NARROW, no_icon, part, parts, settle

from krita_plugin.bundled import protocol
from krita_plugin.docker import Panel
from krita_plugin.qt import QtCore, QtGui, QtWidgets
from krita_plugin.studio import (
    BackendState,
    BackendView,
    JobStage,
    Notice,
    NoticeAction,
    NoticeKind,
    Settings,
)

LONG = "/home/somebody/" + "a_very_long_folder_without_any_blank_" * 3 + "/plugin.log"
BIGGEST_FONT = 12
"""Points; Krita's dockers have 8 to 9 on common desktops, and 12 where somebody wants to read them from afar."""


@pytest.fixture
def font(app):
    before = app.font()
    made = QtGui.QFont(before)
    made.setPointSizeF(BIGGEST_FONT)
    app.setFont(made)
    yield made
    app.setFont(before)


def busy(studio, panel):
    """Show all there is at once, in the longest words."""
    panel.open_more(True)
    studio.set(
        settings=Settings(
            prompt="a red apple " * 60, negative=LONG, random_seed=False, seed=protocol.MAX_SEED, count=8
        ),
        backend=BackendView(
            BackendState.LOST, protocol.Failure("x", LONG, LONG), can_start=True, can_stop=True, device=LONG
        ),
        jobs=(
            job(
                title := "one", preview=image("red", 512, 512), document=LONG, seconds_left=3500, pictures=8, steps=150
            ),
            job("two", JobStage.QUEUED, place=1000),
        ),
        offers=offers(8, applied=True),
        elsewhere=(LONG, LONG, title),
        has_loras=True,
        loras=("ink", f"{LONG}/wash"),
        weights_in_vain=True,
        reference_room=2,
        references=tuple(replace(each, name=f"{each.name} {LONG}") for each in references(3)),
        notice=Notice(
            NoticeKind.ERROR,
            f"It broke at {LONG}.",
            LONG,
            (NoticeAction.START, NoticeAction.RETRY, NoticeAction.OPEN_LOG),
        ),
    )
    settle()


@pytest.mark.parametrize("height", [200, 500, 3000])
def test_nothing_is_cut_off_at_the_least_width(font, studio, height):
    panel = Panel(studio, no_icon)
    panel.resize(NARROW, height)
    panel.show()
    busy(studio, panel)
    panel.resize(NARROW, height)
    settle()
    assert (panel.width(), panel.height()) == (NARROW, height)
    inside = part(panel, "scumbleStatus").window().findChild(QtWidgets.QScrollArea)
    for widget in panel.findChildren(QtWidgets.QWidget):
        if not widget.isVisible() or isinstance(widget, QtWidgets.QScrollBar) or "qt_" in widget.objectName():
            continue
        left = widget.mapTo(panel, QtCore.QPoint(0, 0)).x()
        told = (type(widget).__name__, widget.objectName(), left, widget.width())
        assert left >= 0, told
        assert left + widget.width() <= panel.width(), told
        if isinstance(widget, QtWidgets.QAbstractButton) and widget.text():
            assert widget.width() >= widget.minimumSizeHint().width(), told
    bar = inside.verticalScrollBar()
    assert bar.isVisible() == (height < 3000)
    panel.deleteLater()


def test_a_long_message_wraps_inside_of_words_and_is_seen_whole(studio, panel):
    studio.set(notice=Notice(NoticeKind.ERROR, f"It broke at {LONG}.", "Mend it."))
    settle()
    text = part(panel, "scumbleNoticeText")
    document = text.document()
    assert document.size().height() <= text.height() + 1
    assert document.idealWidth() <= text.viewport().width() + 1
    one_line = text.fontMetrics().height()
    tall = text.height()
    assert tall > 5 * one_line
    flags = text.textInteractionFlags()
    assert flags & QtCore.Qt.TextInteractionFlag.TextSelectableByMouse
    assert flags & QtCore.Qt.TextInteractionFlag.TextSelectableByKeyboard
    panel.resize(900, 900)
    settle()
    assert text.height() < 5 * one_line


def test_the_prompt_and_generate_are_first(studio, panel):
    panel.resize(NARROW, 150)
    settle()
    for name in ("scumbleStatus", "scumblePrompt", "scumbleGenerate"):
        widget = part(panel, name)
        low = widget.mapTo(panel, QtCore.QPoint(0, widget.height()))
        assert low.y() <= panel.height(), name


def test_a_prompt_grows_with_its_text_and_only_so_far(studio, panel):
    prompt = part(panel, "scumblePrompt")
    short = prompt.height()
    studio.set(settings=Settings(prompt="a\n" * 5))
    settle()
    taller = prompt.height()
    assert taller > short
    studio.set(settings=Settings(prompt="a\n" * 50))
    settle()
    tallest = prompt.height()
    assert taller < tallest < 3 * short
    studio.set(settings=Settings())
    settle()
    assert prompt.height() == short


def test_every_control_is_explained_and_has_a_name(studio, panel):
    busy(studio, panel)
    kinds = (
        *(QtWidgets.QAbstractButton, QtWidgets.QAbstractSlider, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox),
        *(QtWidgets.QPlainTextEdit, QtWidgets.QLineEdit, QtWidgets.QListWidget, QtWidgets.QProgressBar),
    )
    inner = (QtWidgets.QScrollBar,)
    checked = 0
    for widget in panel.findChildren(QtWidgets.QWidget):
        ours = isinstance(widget, kinds) and not isinstance(widget, inner)
        if not ours or widget.objectName().startswith("qt_") or not widget.isVisible():
            continue
        checked += 1
        assert widget.objectName().startswith("scumble"), widget
        assert len(widget.toolTip()) > 10, widget.objectName()
        text = getattr(widget, "text", str)()
        buddies = [
            label.text() for label in panel.findChildren(QtWidgets.QLabel) if label.buddy() is widget and label.text()
        ]
        assert widget.accessibleName() or text or buddies, widget.objectName()
    assert checked >= 25


def test_names_of_the_contract_with_the_tests_and_the_keyboard(studio, panel):
    busy(studio, panel)
    for name in (
        *("scumbleStatus", "scumbleStart", "scumbleStop", "scumbleStyle", "scumblePrompt", "scumbleNegative"),
        *("scumbleStrength", "scumbleStrengthValue", "scumbleSeed", "scumbleRandomSeed", "scumbleCount"),
        *("scumbleGenerate", "scumbleCancel", "scumbleJobs", "scumbleOffers", "scumbleLarge", "scumbleApply"),
        *("scumbleDiscard", "scumbleDiscardAll", "scumbleNotice", "scumbleNoticeText", "scumbleNoticeDismiss"),
        *("scumbleOpenLog", "scumbleOpenStyles", "scumbleLora", "scumbleWeightsInVain"),
        *("scumbleReferences", "scumbleReferenceAdd"),
    ):
        assert part(panel, name).isVisible(), name
    for name in ("scumbleJob", "scumbleJobCancel"):
        assert len(parts(panel, name)) == 2, name
    for name in ("scumbleReference", "scumbleReferenceName", "scumbleReferenceRemove"):
        assert len(parts(panel, name)) == 3, name
    assert len(parts(panel, "scumbleProgress")) == len(parts(panel, "scumblePreview")) == 1
    assert panel.objectName() == "scumblePanel"


THEMES = {"dark": ("#474747", "#393939", "#e0e0e0"), "bright": ("#d4d4d4", "#f4f4f4", "#202020")}


def themed(ground, field, ink):
    palette = QtGui.QPalette(QtGui.QColor(ground), QtGui.QColor(ground))
    role = QtGui.QPalette.ColorRole
    for each in (role.WindowText, role.ButtonText):
        palette.setColor(each, QtGui.QColor(ink))
    # what stands in fields has a colour of its own
    palette.setColor(role.Text, QtGui.QColor("#808080"))
    palette.setColor(role.Base, QtGui.QColor(field))
    return palette


@pytest.fixture
def theme(app):
    before = app.palette()
    yield lambda name: app.setPalette(themed(*THEMES[name]))
    app.setPalette(before)


def test_the_docker_follows_a_theme_that_is_changed_while_it_is_open(theme, studio, panel):
    theme("dark")
    busy(studio, panel)
    studio.set(backend=BackendView(BackendState.LOST, protocol.Failure("x", "A", "B")), offers=(), jobs=())
    for name in ("dark", "bright", "dark"):
        theme(name)
        settle()
        ground, _field, ink = (QtGui.QColor(value) for value in THEMES[name])
        for part_name in ("scumbleStatus", "scumbleTrouble", "scumbleNoticeText"):
            widget = part(panel, part_name)
            seen = widget.grab().toImage()
            shades = {seen.pixelColor(x, y).lightness() for x in range(seen.width()) for y in range(seen.height())}
            assert abs(widget.palette().window().color().lightness() - ground.lightness()) < 3
            # the ground, and ink that is drawn as strongly as the theme has it
            assert min(abs(shade - ink.lightness()) for shade in shades) < 40, (name, part_name)


def test_icons_are_taken_again_for_another_theme(theme, studio):
    asked = []

    def icon(name):
        asked.append(name)
        pixmap = QtGui.QPixmap(16, 16)
        pixmap.fill(QtGui.QColor("red"))
        return QtGui.QIcon(pixmap)

    theme("dark")
    panel = Panel(studio, icon)
    panel.show()
    settle()
    first = set(asked)
    assert {"media-playback-start", "media-playback-stop", "folder"} <= first
    asked.clear()
    theme("bright")
    settle()
    assert first <= set(asked)
    style = QtCore.Qt.ToolButtonStyle
    assert part(panel, "scumbleOpenStyles").toolButtonStyle() == style.ToolButtonIconOnly
    assert part(panel, "scumbleStop").toolButtonStyle() == style.ToolButtonTextBesideIcon
    panel.deleteLater()


def test_a_button_without_an_icon_shows_its_word(studio, panel):
    stop = part(panel, "scumbleStop")
    assert stop.toolButtonStyle() == QtCore.Qt.ToolButtonStyle.ToolButtonTextOnly
    assert stop.text() == "Stop"


def test_no_colour_and_no_style_sheet_of_our_own():
    import krita_plugin.docker as room

    folder = QtCore.QFileInfo(inspect.getfile(room)).dir()
    for entry in folder.entryInfoList(["*.py"]):
        with open(entry.filePath(), encoding="utf-8") as file:
            source = file.read()
        for word in ("setStyleSheet", "QColor(", "GlobalColor", "rgb("):
            assert word not in source, (entry.fileName(), word)


def test_an_elided_text_tells_all_in_its_tooltip(studio, panel):
    studio.set(elsewhere=(LONG,))
    settle()
    line = part(panel, "scumbleElsewhere")
    assert line.is_elided()
    where = QtCore.QPoint(1, 1)
    event = QtGui.QHelpEvent(QtCore.QEvent.Type.ToolTip, where, line.mapToGlobal(where))
    QtWidgets.QApplication.sendEvent(line, event)
    QtWidgets.QToolTip.hideText()
    assert LONG in line.toolTip()


def test_an_upright_picture_leaves_room_for_the_rest(studio, panel):
    studio.set(jobs=(job(preview=image("red", 100, 2000)),))
    settle()
    (preview,) = parts(panel, "scumblePreview")
    assert preview.height() == 240


def test_a_new_notice_is_scrolled_into_sight(studio, panel):
    panel.resize(NARROW, 120)
    settle()
    studio.set(notice=Notice(NoticeKind.ERROR, "It broke.", "Mend it."))
    settle()
    notice = part(panel, "scumbleNotice")
    top = notice.mapTo(panel, QtCore.QPoint(0, 0)).y()
    assert top >= 0
    assert top + notice.height() <= panel.height()


def test_the_docker_is_no_wider_for_what_is_hidden(studio, panel):
    studio.set(offers=tuple(replace(offer, title=LONG) for offer in offers(8)))
    settle()
    assert panel.minimumSizeHint().width() <= NARROW
