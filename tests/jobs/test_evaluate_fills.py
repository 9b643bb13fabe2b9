"""What an evaluation of fills is read from, and what must be there before it begins."""

from pathlib import Path

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import EvaluationConfig
from bcdi_inpaint.jobs.evaluate_fills import prepare_evaluation, read_evaluation


def test_changes_take_the_place_of_the_files_values(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("{name: own, widths: [3, 6], published: {patches: 7, widths: [3]}}")
    changes = {"widths": (5,), "methods": ("linear",)}
    config = read_evaluation(path, changes)
    assert (config.name, config.widths, config.methods) == ("own", (5,), ("linear",))
    assert config.published.widths == (3,)
    config = read_evaluation(path, changes, "published")
    assert (config.widths, config.methods) == ((3, 6), ("linear",))
    assert (config.published.widths, config.published.patches) == ((5,), 7)
    assert changes == {"widths": (5,), "methods": ("linear",)}
    assert read_evaluation(None, {}) == EvaluationConfig()


def test_pictures_of_slices_are_not_replaced_either(tmp_path: Path) -> None:
    config = EvaluationConfig(methods=("linear",))
    (tmp_path / "slices_old.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"slices_old.png exists, expected a new evaluation"):
        prepare_evaluation(config, tmp_path, device="cpu")
    assert prepare_evaluation(config, tmp_path, "published", device="cpu").model is None
    assert prepare_evaluation(config, tmp_path, device="cpu", force=True).folder == tmp_path
