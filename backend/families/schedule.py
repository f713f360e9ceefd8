"""The steps of a picture, by a sampler's name: everything that an adapter needs of `schedules`."""

from .schedules.diffusion import DiffusionSchedule as DiffusionSchedule
from .schedules.flow import FlowSchedule as FlowSchedule
from .schedules.samplers import FLOW_SAMPLERS as FLOW_SAMPLERS
from .schedules.samplers import SAMPLERS as SAMPLERS
from .schedules.samplers import Sampler as Sampler
from .schedules.shift import dynamic_shift as dynamic_shift
from .schedules.shift import empirical_mu as empirical_mu
from .schedules.shift import even_sigmas as even_sigmas
