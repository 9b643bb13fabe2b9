"""Where the trained networks of a study are kept."""

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_study import STUDY, study, volumes

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.kinds import KINDS
from bcdi_inpaint.network.weights import FORMAT_VERSION
from bcdi_inpaint.studies import trained_networks
from bcdi_inpaint.studies.cache import key_of
from bcdi_inpaint.studies.trained_networks import Trained, train_networks, weights_path

NOTHING = np.zeros((1, 32, 32), np.float16)
OTHER = """
import shutil, sys, time
from pathlib import Path
from small_study import study
from bcdi_inpaint.studies.trained_networks import _alone
path, begun, waits = map(Path, sys.argv[1:])
folder = path.with_suffix("")
with _alone(study(kinds=["gap_unet"]).contestants()[0], path):
    folder.mkdir(exist_ok=True)
    (folder / "last.ckpt").touch()
    begun.touch()
    while not waits.exists():
        time.sleep(0.01)
    there = "there" if (folder / "last.ckpt").exists() else "gone"
    shutil.rmtree(folder)
    path.write_text(f"all {there}")
"""
"""Another process that trains until it is waited for."""
OTHER_FOLDER = """
import shutil, sys, time
from pathlib import Path
from bcdi_inpaint.training.processes import exclusive_folder
path, begun, waits = map(Path, sys.argv[1:])
with exclusive_folder(path.with_suffix("")):
    begun.touch()
    while not waits.exists():
        time.sleep(0.01)
    path.touch()
shutil.rmtree(path.with_suffix(""))
"""
"""One that holds its folder and nothing beside it."""


def _never(*_: object) -> None:
    raise AssertionError("trained again")


def test_plans_without_a_last_step_are_kept_where_they_were_before_there_was_one() -> None:
    names = [weights_path(each, Path("cache")).name for each in study().contestants()]
    assert names == [
        "gap_unet-ef882a718184.safetensors",
        "tunet-6bf9209cfd09.safetensors",
        "tunet-inputs-c18fc8bc0fc8.safetensors",
    ]


def test_weights_of_false_gradients_are_not_taken() -> None:
    """Published networks in bfloat16 were trained otherwise before; ours never were."""
    training = {"precision": "bf16-mixed"}
    for kind, is_kept in (("gap_unet", True), ("tunet", False)):
        one = study(kinds=[kind], columns=["ours"]).contestants()[0]
        own = one.plan.training.model_copy(update=training)
        plan = one.plan.model_copy(update={"training": own})
        values = plan.model_dump(mode="json") | {"format": FORMAT_VERSION}
        del values["training"]["last_step"]
        path = weights_path(replace(one, plan=plan), Path("cache"))
        assert path.stem.endswith(key_of(values)) == is_kept


def test_weights_of_so_many_minutes_on_a_gpu_are_kept_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A GPU takes other steps in them; those of a CPU are kept where they were."""
    timed, steps = (
        study(kinds=["gap_unet"], training={**STUDY["training"], "minutes": minutes}).contestants()
        for minutes in (3, None)
    )
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    names = {device: weights_path(timed[0], Path(), device).stem for device in ("auto", "cpu")}
    assert {*names.values()} == {weights_path(timed[0], Path()).stem}
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    on_gpu = [weights_path(timed[0], Path(), device).stem for device in ("auto", "cuda")]
    assert on_gpu[0] == on_gpu[1] != names["cpu"]
    assert weights_path(steps[0], Path(), "cuda") == weights_path(steps[0], Path())


def test_another_last_step_is_kept_elsewhere() -> None:
    paths = {
        weights_path(volumes(kinds=[], last_step=given).contestants()[0], Path("cache"))
        for given in ({}, {"share": 0.2}, {"widths": [3]})
    }
    assert len(paths) == 3


def test_slabs_of_another_guess_are_kept_elsewhere() -> None:
    """Those of kriged ones stay where they were."""
    folders = []
    for guess in ("kriged", "linear"):
        shape = STUDY["shapes"]["gap_unet"] | {"guess": guess}
        (one,) = study(kinds=["gap_unet"], shapes={"gap_unet": shape}).contestants()
        folders.append(trained_networks._slab_folder(one, Path("weights/x")).name)
    plan = one.plan
    values = [plan.patterns, plan.held_out, plan.patches.model_dump(), plan.training.seed]
    assert folders[0] == f"slabs-{key_of(values)}"
    assert folders[1] != folders[0]


STORED = {
    "unet-inputs": "bd900d44ba9e",
    "msdnet-inputs": "373c09969bfb",
    "unet_dilated-inputs": "438e739f350e",
    "patch_unet-inputs": "2247b6d2126b",
    "autoencoder-inputs": "809a6accdcf2",
    "tunet-inputs": "146304eb5026",
    "msdnet_chavez-inputs": "2e730af64656",
}
"""Of networks that are what they were when their weights were first stored."""
STORED_BEFORE = {
    "gap_unet": "ad951c007b0e",
    "partial_conv-inputs": "26f96226a4a7",
    "unet": "16b8c5212f17",
    "msdnet": "1aff8f5e1a62",
    "unet_dilated": "06952c7e0dd6",
    "patch_unet": "de100998fc9c",
    "autoencoder": "8e1c7415fe05",
    "tunet": "c64985a48fa7",
    "partial_conv": "ee15146aead6",
    "msdnet_chavez": "6feb37c067c5",
}
"""Of networks that were changed since: weights of these names are not theirs."""


def test_the_weights_of_a_network_that_changed_are_not_taken_for_its_own() -> None:
    trained = study(kinds=list(KINDS), shapes={}, patches={"size": 32}).contestants()
    names = dict(weights_path(each, Path("cache")).stem.rsplit("-", 1) for each in trained)
    assert {name: names[name] for name in STORED} == STORED
    assert all(names[name] != before for name, before in STORED_BEFORE.items())


@pytest.mark.parametrize(
    ("script", "waiting", "left"),
    [
        (OTHER, r"gap_unet: waiting for process \d+ on .+, which trains it", "all there"),
        (OTHER_FOLDER, "gap_unet: waiting for another process, which trains it", ""),
    ],
)
def test_a_training_of_another_process_is_waited_for_and_not_spoiled(
    script: str, waiting: str, left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contestant = study(kinds=["gap_unet"]).contestants()[0]
    path, begun, waits = weights_path(contestant, tmp_path), tmp_path / "begun", tmp_path / "waits"
    path.with_suffix("").mkdir(parents=True)
    said: list[str] = []

    def say(text: str, **_: object) -> None:
        said.append(text)
        waits.touch()

    monkeypatch.setattr(trained_networks, "print", say, raising=False)
    monkeypatch.setattr(trained_networks, "_train", _never)
    made = Trained(contestant, "x", 5, 7)
    monkeypatch.setattr(trained_networks, "_loaded", lambda *_: made)
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    command = [sys.executable, "-c", script, *map(str, (path, begun, waits))]
    other = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    try:
        while not begun.exists():
            assert other.poll() is None
            time.sleep(0.01)
        found = [*train_networks([contestant], NOTHING, NOTHING, tmp_path)]
    finally:
        other.kill()
        other.wait()
    assert [each.steps for each in found] == [7]
    assert path.read_text() == left
    assert len(said) == 1
    assert re.fullmatch(waiting, said[0])


def test_weights_without_a_step_do_not_come_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contestant = study(kinds=["gap_unet"]).contestants()[0]

    def train(*args: Any) -> Path:
        made: Path = args[3] / "untrained.safetensors"
        made.parent.mkdir(parents=True)
        made.touch()
        return made

    monkeypatch.setattr("bcdi_inpaint.training.run.train", train)
    monkeypatch.setattr(trained_networks, "_steps_of", lambda _: 0)
    with pytest.raises(InputError, match=r"training.minutes is .*gap_unet took no step.*give more"):
        next(train_networks([contestant], NOTHING, NOTHING, tmp_path))
    assert not [*tmp_path.rglob("gap_unet*.safetensors")]
