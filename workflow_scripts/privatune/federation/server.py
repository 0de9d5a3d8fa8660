"""What a server method is given beside the model and the payloads. It needs no torch, so that averaging starts fast."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from privatune.compression.settings import CodecSettings
from privatune.models.settings import NumericsSettings


@dataclass(frozen=True)
class Server:
    """One round's server: its public settings, and what a method may draw on."""

    cohort_size: int
    settings: Any  # of the chosen method
    numerics: NumericsSettings
    seed: int
    round: int  # counted from 1
    codec: CodecSettings  # that the payloads were written with
    general: np.ndarray | None = None  # word ids of general training text, for methods that read it
