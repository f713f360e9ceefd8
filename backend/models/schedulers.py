"""What a model's scheduler tells of how it was trained: the settings alone count, whichever scheduler they were saved for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from backend.families.facts import Prediction

from .folder import ModelFolder
from .problems import NotUsable

FILE: Final = "scheduler/scheduler_config.json"

PREDICTIONS: Final = ("epsilon", "v_prediction", "sample")

UNKNOWN_NOISE: Final = "It was trained in a way that this version does not know, so that it would paint noise only."


@dataclass(frozen=True)
class SchedulerConfig:
    """What bears on what the denoiser was trained to predict, and on whether it was distilled. Defaults as in diffusers."""

    _class_name: str = ""
    prediction_type: str = "epsilon"
    timestep_spacing: str = ""
    rescale_betas_zero_snr: bool = False
    shift: float = 1.0
    use_dynamic_shifting: bool = False

    @property
    def flow(self) -> bool:
        """Whether it is one for flow matching."""
        return self._class_name.startswith("FlowMatch")

    @property
    def consistency(self) -> bool:
        """Whether it is the one of latent consistency models."""
        return self._class_name == "LCMScheduler"

    @property
    def adversarial(self) -> bool:
        """Whether its times are those of models distilled to a few steps, as SD Turbo and SDXL Turbo have them.

        They begin at the noisiest one, which ordinary models of noise never saw alone; those with zero terminal SNR did.
        """
        trailing = self.timestep_spacing == "trailing" and not self.rescale_betas_zero_snr
        return trailing and self.prediction_type == "epsilon"


def read_noise(folder: ModelFolder) -> tuple[SchedulerConfig, Prediction]:
    """Read the schedule of a family that predicts noise or velocity. Raises NotUsable."""
    config = folder.read(SchedulerConfig, FILE)
    # EDM's noise has no times: its models want it scaled in another way (Karras et al. 2022, arXiv 2206.00364)
    if config.flow or config._class_name.startswith("EDM") or config.prediction_type not in PREDICTIONS:
        raise NotUsable(UNKNOWN_NOISE)
    return config, cast("Prediction", config.prediction_type)


def read_flow(folder: ModelFolder) -> SchedulerConfig:
    """Read the schedule of a flow-matching family. Raises NotUsable."""
    config = folder.read(SchedulerConfig, FILE)
    if not config.flow:
        raise NotUsable(UNKNOWN_NOISE)
    return config
