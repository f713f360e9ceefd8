"""Stands in for the studio: its surface, what the docker shows set by hand, and every call of the docker written down."""

from pathlib import Path

from krita_plugin.bundled import protocol
from krita_plugin.qt import QtCore, QtGui
from krita_plugin.studio import BackendState, BackendView, JobStage, JobView, Offer, ReferenceView, Settings

STYLES = (
    protocol.Style(name="Embedded painter", model="starter"),
    protocol.Style(name="Ink", model="starter", steps=12, guidance=4.5),
    protocol.Style(name="Watercolour on rough paper, with a very long name indeed", model="starter"),
)

MODEL = protocol.ModelInfo("starter", "Starter", "sd1", 512, 8, protocol.Context(0.5, 512), 25, 7.5)


class StudioDouble(QtCore.QObject):
    """Has the names of `Studio`; a test holds them against the real one."""

    document_changed = QtCore.pyqtSignal()
    settings_changed = QtCore.pyqtSignal()
    jobs_changed = QtCore.pyqtSignal()
    offers_changed = QtCore.pyqtSignal()
    backend_changed = QtCore.pyqtSignal()
    notice_changed = QtCore.pyqtSignal()
    styles_changed = QtCore.pyqtSignal()
    loras_changed = QtCore.pyqtSignal()
    references_changed = QtCore.pyqtSignal()

    def __init__(self):
        super().__init__()
        self.calls = []
        self.has_document = True
        self.can_generate = True
        self.settings = Settings()
        self.styles = STYLES
        self.most_layers = 0
        self.styles_folder = "/styles"
        self.model = MODEL
        self.edits = False
        self.weights_in_vain = False
        self.loras = ()
        self.has_loras = False
        self.loras_folder = "/loras"
        self.references = ()
        self.reference_room = 0
        self.jobs = ()
        self.offers = ()
        self.elsewhere = ()
        self.backend = BackendView(BackendState.READY, None, can_stop=True, device="Some Processor, 8 cores")
        self.notice = None
        self.chosen = None
        self.log_file = Path("/nowhere/plugin.log")
        self.pictures = {}

    def set(self, **values):
        """Set properties, and tell of each as the studio does."""
        for name, value in values.items():
            assert hasattr(self, name)
            setattr(self, name, value)
        for name in values:
            signal = {
                "has_document": "document",
                "can_generate": "backend",
                "chosen": "offers",
                "elsewhere": "offers",
                "styles_folder": "styles",
                "most_layers": "styles",
                **dict.fromkeys(("model", "edits", "reference_room"), "styles"),
                "weights_in_vain": "settings",
                **dict.fromkeys(("has_loras", "loras_folder"), "loras"),
            }.get(name, name)
            getattr(self, f"{signal}_changed").emit()

    def change(self, settings):
        self.calls.append(("change", settings))
        self.settings = settings
        self.settings_changed.emit()

    def choose(self, job, index):
        self.calls.append(("choose", job, index))
        self.chosen = (job, index)

    def look(self, job, index):
        self.calls.append(("look", job, index))
        return self.pictures.get((job, index))

    def add_reference(self):
        self.calls.append(("add_reference",))

    def remove_reference(self, layer):
        self.calls.append(("remove_reference", layer))

    def look_for_loras(self):
        self.calls.append(("look_for_loras",))

    def generate(self):
        self.calls.append(("generate",))

    def cancel(self, job_id):
        self.calls.append(("cancel", job_id))

    def cancel_newest(self):
        self.calls.append(("cancel_newest",))

    def apply(self, job, index):
        self.calls.append(("apply", job, index))

    def discard(self, job, index):
        self.calls.append(("discard", job, index))

    def discard_all(self):
        self.calls.append(("discard_all",))

    def start_backend(self):
        self.calls.append(("start_backend",))

    def stop_backend(self, force=False):
        self.calls.append(("stop_backend", force))

    def dismiss_notice(self):
        self.calls.append(("dismiss_notice",))

    def act(self, action):
        self.calls.append(("act", action))

    def done(self, name):
        """Return the arguments of every call of that name."""
        return [call[1:] for call in self.calls if call[0] == name]


def image(colour, width=256, height=160):
    made = QtGui.QImage(width, height, QtGui.QImage.Format.Format_RGB32)
    made.fill(QtGui.QColor(colour))
    return made


def job(id="one", stage=JobStage.PAINTING, **values):
    values = {"fraction": 0.35, "seconds_left": 11.2, "step": 7, "steps": 20, **values}
    return JobView(id=id, title=f"a red apple on a plate, {id}", stage=stage, **values)


def references(count=2, **values):
    """As many layers; the last one is gone."""
    views = [
        ReferenceView(f"{{{at}}}", f"Sketch {at}", thumbnail=image("#a33", 48, 30), **values) for at in range(count)
    ]
    return (*views[:-1], ReferenceView(views[-1].layer, views[-1].name, there=False, thumbnail=views[-1].thumbnail))


def offers(count=4, job="one", **values):
    colours = ("#a33", "#3a3", "#33a", "#aa3", "#3aa", "#a3a", "#777", "#eee")
    return tuple(Offer(job, at, "a red apple on a plate", 41 + at, image(colours[at]), **values) for at in range(count))
