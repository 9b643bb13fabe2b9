"""Several starts, by our own chain and by PyNX's command."""

import numpy as np
import pytest

from bcdi_inpaint.evaluation.crystals.config import COMMAND, FREE, CrystalScoresConfig
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.evaluation.crystals.retrieving import retrieve_kept
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.reconstruction import free_first


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize("setting", [FREE, COMMAND])
def test_the_best_starts_are_kept_the_best_first(
    setting: str, counts: np.ndarray, particle: tuple[np.ndarray, np.ndarray]
) -> None:
    none = np.zeros(counts.shape, dtype=bool)
    config = CrystalScoresConfig.model_validate(
        {
            "starts": 3,
            "keep": 2,
            "hio": 0,
            "raar": 30,
            "er": 10,
            "command": {"runs": 3, "keep": 2, "raar": 30, "er": 10, "psf": ""},
        }
    )
    handed = HandOver("complete", counts.astype(np.float32), none, none)
    kept = retrieve_kept(handed, setting, config, 4)
    assert len(kept) == 2
    assert free_first(kept[0]) <= free_first(kept[1])
    again = retrieve_kept(handed, setting, config, 4)
    np.testing.assert_array_equal(kept[0].obj, again[0].obj)
    assert compare(kept[0].obj, particle[0]).phase_rms_rad < 0.3
