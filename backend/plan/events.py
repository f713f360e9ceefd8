"""What is heard of a plan while it runs, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass

from protocol import Failure, Picture, Raster, Stage


@dataclass(frozen=True)
class Stepped:
    """Work goes on: the stage, and the step of the picture in hand; `steps` is 0 where a stage has none.

    A step is that of `together` pictures at once, of which `picture` is the first.
    """

    stage: Stage
    picture: int = 0
    step: int = 0
    steps: int = 0
    together: int = 1


@dataclass(frozen=True)
class PreviewMade:
    """A small look at a picture in the making; `content` are the raster's bytes."""

    picture: int
    step: int
    image: Raster
    content: bytes


@dataclass(frozen=True)
class PictureMade:
    """One picture is finished; `content` are the bytes of `picture.image`, `layers` those of each of its layers."""

    index: int
    picture: Picture
    content: bytes
    layers: tuple[bytes, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the bytes of every raster are there, as many as it says."""
        sizes = [raster.size for raster in self.picture.rasters]
        return [len(content) for content in (self.content, *self.layers)] == sizes

    @property
    def contents(self) -> dict[str, bytes]:
        """The bytes by content hash, of a whole picture."""
        names = (raster.content for raster in self.picture.rasters)
        return dict(zip(names, (self.content, *self.layers), strict=True))


@dataclass(frozen=True)
class Finished:
    """End: every picture was made. Notes are sentences for the painter, beyond those of the plan."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stopped:
    """End: cancelled, as asked."""


@dataclass(frozen=True)
class WentWrong:
    """End: no further picture, and why."""

    failure: Failure


class DeviceLost(Exception):
    """What plans run on does not answer any more: this process can paint nothing again, and another one can."""


PlanEvent = Stepped | PreviewMade | PictureMade | Finished | Stopped | WentWrong
PlanEnd = Finished | Stopped | WentWrong
