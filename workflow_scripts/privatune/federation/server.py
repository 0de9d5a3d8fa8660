"""What a server method gets besides the model and the payloads. It needs no torch, so that averaging starts fast."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from privatune.compression.settings import CodecSettings
from privatune.models.settings import NumericsSettings


@dataclass(frozen=True)
class Server:
    """The server of one round: its public settings, and the inputs that a method may use."""

    cohort_size: int
    settings: Any  # those of the chosen method
    numerics: NumericsSettings
    seed: int
    round: int  # counted from 1
    codec: CodecSettings  # the codec that wrote the payloads
    general: np.ndarray | None = None  # word ids of general training text, needed only by methods that read it
