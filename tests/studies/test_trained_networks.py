"""Where the trained networks of a study are kept."""

from pathlib import Path

from small_study import study, volumes

from bcdi_inpaint.network.kinds import KINDS
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


STORED = {
    "gap_unet": "ad951c007b0e",
    "unet-inputs": "bd900d44ba9e",
    "msdnet-inputs": "373c09969bfb",
    "unet_dilated-inputs": "438e739f350e",
    "patch_unet-inputs": "2247b6d2126b",
    "autoencoder-inputs": "809a6accdcf2",
    "tunet-inputs": "146304eb5026",
    "msdnet_chavez-inputs": "2e730af64656",
}
"""Of networks that are what they were when their weights were first stored."""
STORED_BEFORE = {"partial_conv-inputs": "26f96226a4a7"}
"""Of networks that were changed since: weights of these names are not theirs."""


def test_the_weights_of_a_network_that_changed_are_not_taken_for_its_own() -> None:
    trained = study(kinds=list(KINDS), shapes={}, patches={"size": 32}).contestants()
    names = dict(weights_path(each, Path("cache")).stem.rsplit("-", 1) for each in trained)
    assert {name: names[name] for name in STORED} == STORED
    assert not {names[name] for name in STORED_BEFORE} & {*STORED_BEFORE.values()}
