"""Where the trained networks of a study are kept."""

from pathlib import Path

from small_study import study, volumes

from bcdi_inpaint.studies.trained_networks import weights_path


def test_plans_without_a_last_step_are_kept_where_they_were_before_there_was_one() -> None:
    names = [weights_path(each, Path("cache")).name for each in study().contestants()]
    assert names == [
        "gap_unet-ef882a718184.safetensors",
        "tunet-b153127f1c8c.safetensors",
        "tunet-inputs-c18fc8bc0fc8.safetensors",
    ]


def test_another_last_step_is_kept_elsewhere() -> None:
    paths = {
        weights_path(volumes(kinds=[], last_step=given).contestants()[0], Path("cache"))
        for given in ({}, {"share": 0.2}, {"widths": [3]})
    }
    assert len(paths) == 3
