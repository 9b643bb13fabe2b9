"""A block and its support as the state of a retrieval, as tests have it."""

from __future__ import annotations

import numpy as np
import torch

from bcdi_inpaint.phasing.coherence import Coherence
from bcdi_inpaint.phasing.torch_state import State, to_tensor

SHAPE = (24, 24, 24)
CPU = torch.device("cpu")
BLOCK = np.zeros(SHAPE, dtype=np.complex64)
BLOCK[8:16, 8:15, 9:16] = 40


def state(coherence: Coherence) -> State:
    """The block in a beam."""
    return State(to_tensor(BLOCK, CPU), to_tensor(BLOCK != 0, CPU), coherence)
