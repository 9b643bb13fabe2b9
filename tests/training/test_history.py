"""The losses that a training leaves in its folder."""

from pathlib import Path

import numpy as np
from PIL import Image
from small_training import PLAN, run

from bcdi_inpaint.training.history import draw_losses


def test_losses_that_are_no_numbers_are_not_drawn(tmp_path: Path) -> None:
    rows = [{"step": 2.0, "train_loss": float("nan"), "val_loss": float("nan")}]
    draw_losses(tmp_path / "loss.png", rows)
    assert not [*tmp_path.iterdir()]


def test_the_picture_of_the_losses_lies_beside_them(folder: Path, patterns: np.ndarray) -> None:
    run(PLAN, patterns, folder)
    with Image.open(folder / "loss.png") as image:
        image.load()
    names = {path.name for path in folder.iterdir()}
    assert {"metrics.csv", "loss.png", "last.ckpt", "tiny.safetensors"} <= names
    assert not [name for name in names if name.endswith(".part")]
