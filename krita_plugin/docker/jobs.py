"""The jobs on their way: a row each, changed in place."""

from __future__ import annotations

from typing import Final

from ..qt import QtWidgets
from ..studio import JobStage, JobView, Studio
from . import words
from .buttons import CLOSE_ICONS, IconButton, IconSource
from .picture import Picture
from .text import ElidedLabel

WHOLE: Final = 1000
"""Steps of the progress bar: more than it has pixels."""

BAR_HEIGHT: Final = 8
"""Pixels of the progress bar: to be seen at a glance, and not the loudest thing in the docker."""

MOST_PREVIEW_HEIGHT: Final = 240
"""Pixels: an upright picture, shown as wide as the docker, would push everything else out of it."""

STILL: Final = frozenset({JobStage.QUEUED, JobStage.PREPARING, JobStage.CANCELLING})
"""Stages in which nothing moves, so that there is no bar."""


class JobRow(QtWidgets.QWidget):
    """One job: title, where it is, time left, progress, the newest look at it, Cancel."""

    def __init__(self, studio: Studio, icon: IconSource, job: JobView) -> None:
        super().__init__()
        self.setObjectName("scumbleJob")
        self._title = ElidedLabel()
        self._title.setObjectName("scumbleJobTitle")
        self._stage = ElidedLabel(dim=True)
        self._stage.setObjectName("scumbleJobStage")
        self._stage.set_hint("Where this job is")
        self._left = ElidedLabel(dim=True)
        self._left.setObjectName("scumbleJobLeft")
        self._left.set_hint("How long it still takes, as a guess")
        self._cancel = IconButton(icon, CLOSE_ICONS, "Cancel", "Cancel this job")
        self._cancel.setObjectName("scumbleJobCancel")
        self._cancel.clicked.connect(lambda: studio.cancel(job.id))
        self._bar = QtWidgets.QProgressBar()
        self._bar.setObjectName("scumbleProgress")
        self._bar.setRange(0, WHOLE)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(BAR_HEIGHT)
        self._bar.setToolTip("How far this job is")
        self._preview = Picture(MOST_PREVIEW_HEIGHT)
        self._preview.setObjectName("scumblePreview")
        self._preview.setAccessibleName("The unfinished picture")
        self._preview.setToolTip("How the picture looks at this step")
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self._title, 0, 0, 1, 2)
        grid.addWidget(self._cancel, 0, 2, 2, 1)
        grid.addWidget(self._stage, 1, 0)
        grid.addWidget(self._left, 1, 1)
        grid.addWidget(self._bar, 2, 0, 1, 3)
        grid.addWidget(self._preview, 3, 0, 1, 3)
        self._id = job.id
        self._shown: JobView | None = None
        self.show_job(job)

    def job_id(self) -> str:
        """Return the id of the job that the row is for."""
        return self._id

    def show_job(self, job: JobView) -> None:
        """Show where the job is now."""
        if job == self._shown:
            return
        self._shown = job
        for label, said in (
            (self._title, words.job_words(job)),
            (self._stage, words.stage_words(job)),
            (self._left, words.time_words(job.seconds_left)),
        ):
            if label.text() != said:
                label.setText(said)
        self._bar.setAccessibleName(f"Progress of {job.title}")
        self._cancel.setAccessibleName(f"Cancel {job.title}")
        self._cancel.setEnabled(job.stage is not JobStage.CANCELLING)
        self._bar.setValue(round(min(1.0, max(0.0, job.fraction)) * WHOLE))
        self._bar.setVisible(job.stage not in STILL)
        self._preview.show_image(job.preview)


class JobsPart(QtWidgets.QWidget):
    """Every job on its way, the oldest first."""

    def __init__(self, studio: Studio, icon: IconSource) -> None:
        super().__init__()
        self.setObjectName("scumbleJobs")
        self.setAccessibleName("Jobs on their way")
        self._studio, self._icon = studio, icon
        self._rows: dict[str, JobRow] = {}
        self._layout = QtWidgets.QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def read(self) -> None:
        """Show the jobs that there are: rows come and go with jobs, and are changed in place else."""
        jobs = self._studio.jobs
        there = {job.id for job in jobs}
        for gone in self._rows.keys() - there:
            row = self._rows.pop(gone)
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        for at, job in enumerate(jobs):
            row = self._rows.get(job.id) or self._add(job)
            if self._layout.indexOf(row) != at:
                self._layout.insertWidget(at, row)
            row.show_job(job)
        self.setVisible(bool(jobs))

    def _add(self, job: JobView) -> JobRow:
        row = JobRow(self._studio, self._icon, job)
        self._rows[job.id] = row
        return row
