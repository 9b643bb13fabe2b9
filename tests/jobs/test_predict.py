"""The main job called from Python: its stages, in order, and what it leaves when one fails."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import torch
from small_network import tiny_network

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    DETECTOR,
    FilledPart,
    cxi_fill,
    read_provenance,
    read_scan,
    sha256,
    write_scan,
)
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs import method as method_of_request
from bcdi_inpaint.jobs import refined_fill
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request, check
from bcdi_inpaint.network.weights import save_weights
from bcdi_inpaint.phasing import benefit as advice
from bcdi_inpaint.phasing.handover import LEVEL, NAMES, THRESHOLD
from bcdi_inpaint.phasing.judged_states import Refinement
from bcdi_inpaint.photons import LEAST_COUNTS

SHAPE = (10, 48, 44)
ROWS = Gap(1, 20, 26)
CONFIGURATION = "entry_1/data_1/process_1/configuration"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Weights of a tiny untrained network: quick, and the kriged first guess."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_weights(path, tiny_network(), {})
    return str(path)


@pytest.fixture
def counts() -> np.ndarray:
    """300 photons everywhere but in the gap: every right fill is 300."""
    counts = np.full(SHAPE, 300, dtype=np.uint16)
    counts[:, 20:26] = 0
    return counts


@pytest.fixture
def request_(tmp_path: Path, counts: np.ndarray, model: str) -> Request:
    mask = counts == 0
    mask[4, 5, 6] = True
    write_scan(tmp_path / "flat.cxi", counts, mask)
    return Request(str(tmp_path / "flat.cxi"), model=model)


def test_a_flat_scan_is_filled_with_its_own_level(request_: Request) -> None:
    result = predict(replace(request_, handover="hard"))
    assert result.finding.gaps == (ROWS,)
    written = read_scan(result.output)
    np.testing.assert_allclose(written.counts, 300, rtol=1e-3)
    np.testing.assert_array_equal(np.argwhere(written.bad_mask), [[4, 5, 6]])


@pytest.mark.parametrize("form", ["npz", "tiff"])
def test_the_mask_beside_the_scan_is_never_written_over(
    tmp_path: Path, counts: np.ndarray, form: str
) -> None:
    bad = (counts == 0).astype(np.int8)
    if form == "npz":
        scan, mask = (tmp_path / f"S7_pynx_input_{of}.npz" for of in ("data", "mask"))
        np.savez(scan, data=counts)
        np.savez(mask, mask=bad)
        output = mask
    else:
        scan, mask, output = (tmp_path / name for name in ("a.tiff", "a_mask.tif", "a.tif"))
        tifffile.imwrite(scan, counts, photometric="minisblack")
        tifffile.imwrite(mask, bad, photometric="minisblack")
    before = sha256(mask)
    with pytest.raises(InputError, match=f"{mask.name} is the input"):
        check(Request(str(scan), output, force=True, form=form, method="linear"))
    assert sha256(mask) == before


def test_a_scan_without_a_photon_near_its_gap_stays_positive(
    tmp_path: Path, counts: np.ndarray, model: str
) -> None:
    counts[:] = 0
    counts[0, 0, 0] = 1
    np.save(tmp_path / "dark.npy", counts)
    result = predict(Request(str(tmp_path / "dark.npy"), model=model, gaps=(Gap(1, 36, 40),)))
    filled = read_scan(result.output).counts[:, 36:40]
    np.testing.assert_array_equal(filled, np.float32(LEAST_COUNTS))


def test_provenance_says_how_to_do_it_again(request_: Request) -> None:
    result = predict(replace(request_, handover="staged"))
    with h5py.File(result.output) as file:
        stored = {name: node[()] for name, node in file[CONFIGURATION].items()}
    assert stored["inpaint_input_sha256"].decode() == sha256(Path(request_.scan))
    assert stored["inpaint_model_sha256"].decode() == sha256(Path(request_.model))
    assert stored["inpaint_input"] == b"flat.cxi"
    assert stored["inpaint_gaps"] == b"rows 20:26"
    assert stored["inpaint_filled_voxels"] == 10 * 6 * 44
    assert stored["inpaint_device"] == b"cpu"
    assert not any("mask" in str(value) for value in stored.values())


@pytest.mark.parametrize("name", ["plain.cxi", "with space.cxi", "it's $HOME.cxi"])
def test_the_command_survives_a_shell(request_: Request, tmp_path: Path, name: str) -> None:
    result = predict(replace(request_, output=tmp_path / name, handover="hard"))
    expected = ["pynx-cdi-id01", "--data", str(tmp_path / name), "--zero_mask", "0"]
    assert shlex.split(result.pynx_command) == expected


@pytest.mark.parametrize("handover", NAMES)
def test_the_file_gives_pynx_what_the_handover_says(request_: Request, handover: str) -> None:
    result = predict(replace(request_, handover=handover))
    filled, sigma = result.fill.filled, result.fill.sigma
    trusted = {"hard": filled, "partial": filled & (sigma < THRESHOLD)}.get(
        handover, filled & False
    )
    written = read_scan(result.output)
    expected = ~trusted & filled
    expected[4, 5, 6] = True  # bad in the scan
    np.testing.assert_array_equal(written.bad_mask, expected)
    np.testing.assert_array_equal(written.counts, result.fill.counts)
    with h5py.File(result.output) as file:
        np.testing.assert_array_equal(file[f"{DETECTOR}/sigma"][()], sigma)
        for name, expected in zip(("lower", "upper"), result.fill.interval(LEVEL), strict=True):
            bound = file[f"{DETECTOR}/{name}_bound"][()]
            np.testing.assert_array_equal(bound[filled], expected[filled])
            assert (bound[~filled] == {"lower": 0, "upper": np.inf}[name]).all()
        assert file[f"{CONFIGURATION}/inpaint_written_for"][()].decode() == handover
    assert result.pynx_command.endswith("--zero_mask 0")


@pytest.mark.parametrize("handover", ["hard", "mask"])
def test_the_pair_has_the_bounds_whatever_the_handover(request_: Request, handover: str) -> None:
    result = predict(replace(request_, handover=handover, form="npz"))
    lower, upper = result.fill.interval(LEVEL)
    filled = result.fill.filled
    with np.load(result.output) as data:
        np.testing.assert_array_equal(data["lower_bound"][filled], lower[filled])
        np.testing.assert_array_equal(data["upper_bound"][filled], upper[filled])


@pytest.mark.parametrize("form", ["cxi", "npz", "tiff"])
@pytest.mark.parametrize(
    ("row", "value", "why"),
    [
        (22, -1, "not finite and positive"),
        (22, np.nan, "not finite and positive"),
        (2, 299, "differs from the measurement"),
    ],
)
def test_a_fill_that_breaks_its_promise_is_not_written(
    request_: Request,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    row: int,
    value: float,
    why: str,
) -> None:
    """A fault of ours in one voxel: a filled one that is no count, or a measured one changed."""
    over = Fill.over

    def corrupted(self: Fill, measured: np.ndarray) -> Fill:
        fill = over(self, measured)
        fill.counts[-1, row, 7] = value
        return fill

    monkeypatch.setattr(Fill, "over", corrupted)
    with pytest.raises(RuntimeError, match=why):
        predict(replace(request_, form=form))
    assert [path.name for path in Path(request_.scan).parent.iterdir()] == ["flat.cxi"]


def test_every_frame_is_checked(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[tuple[int, ...]] = []
    check = cxi_fill.check_fill

    def counted(measured: np.ndarray, fill: FilledPart) -> None:
        checked.append(measured.shape)
        check(measured, fill)

    monkeypatch.setattr(cxi_fill, "check_fill", counted)
    predict(request_)
    assert checked == [(1, *SHAPE[1:])] * SHAPE[0]


def test_an_unknown_handover_is_refused_before_the_scan_is_read(request_: Request) -> None:
    said: list[str] = []
    with pytest.raises(InputError, match="handover is 'firm', expected one of"):
        predict(replace(request_, handover="firm"), say=said.append)
    assert said == []


def _ctrl_c_after_a_step(done: int, _total: int) -> None:
    if done >= 1:
        raise KeyboardInterrupt


@pytest.mark.parametrize("method", ["linear", "dip"])
def test_any_method_writes_the_same_kind_of_file(request_: Request, method: str) -> None:
    """And Ctrl-C while one learns leaves the best so far, which a batch does again."""
    request = replace(request_, method=method, model="default", handover="hard", seed=4)
    output = Path(request.scan).with_name("flat_inpainted.cxi")
    ends = nullcontext() if method == "linear" else pytest.raises(KeyboardInterrupt, match="so far")
    with ends:
        predict(request, progress=_ctrl_c_after_a_step)
    written = read_scan(output)
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 20:26] = True
    np.testing.assert_array_equal(written.counts[~gap], 300)
    assert (written.counts[gap] > 0).all()
    with h5py.File(output) as file:
        stored = {name: node[()] for name, node in file[CONFIGURATION].items()}
    assert stored["inpaint_method"] == method.encode()
    assert stored["inpaint_model"] == method.encode()
    assert stored.get("inpaint_method_seed") == (4 if method == "dip" else None)
    assert (stored["inpaint_job_sha256"] == b"interrupted") == (method == "dip")
    assert b"RMS log error" in stored["inpaint_method_remark"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "magic"}, "method is 'magic', expected one of network, nearest"),
        ({"method": "dip"}, "--model is given with the method dip, expected it with network"),
        ({"method": "dip", "model": "default", "refine": True}, "--refine is given with the meth"),
        ({"minutes": 3.0}, "minutes is 3 with the method network, expected it with one of dip"),
        ({"method": "dip", "model": "default", "minutes": 0.0}, "minutes is 0.0, expected more"),
    ],
)
def test_options_that_do_not_go_with_a_method_are_refused(
    request_: Request, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        predict(replace(request_, **options))
    assert not Path(request_.scan).with_name("flat_inpainted.cxi").exists()


def test_stages_are_told_in_order_and_progress_ends_at_all(request_: Request) -> None:
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    predict(request_, say=said.append, progress=lambda done, total: seen.append((done, total)))
    assert [line.partition(" ")[0] for line in said] == [
        "read",
        "gaps:",
        "intervals",
        "gap",
        "handover",
    ]
    done, total = zip(*seen, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == total[-1] == max(total)


@pytest.mark.parametrize("taken", ["flat_inpainted.cxi", "flat_inpainted.png"])
def test_what_exists_is_refused_before_the_scan_is_read(request_: Request, taken: str) -> None:
    (Path(request_.scan).parent / taken).write_bytes(b"precious")
    said: list[str] = []
    with pytest.raises(InputError, match=taken):
        predict(replace(request_, plot=True), say=said.append)
    assert said == []


def test_roi_and_binning_place_a_detector_or_nothing(request_: Request) -> None:
    for change in ({"roi": (0, 0)}, {"binning": 2}):
        with pytest.raises(InputError, match="without a detector"):
            predict(replace(request_, **change))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="name of a file"):
        predict(replace(request_, scan="."))


def _full_disk(*_arguments: object, **_options: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_series_of_files_is_filled(request_: Request, tmp_path: Path) -> None:
    for number, frame in enumerate(read_scan(request_.scan).counts):
        tifffile.imwrite(tmp_path / f"f_{number:04d}.tif", frame)
    gaps = predict(request_).finding.gaps
    result = predict(replace(request_, scan=str(tmp_path / "f_%04d.tif"), gaps=gaps))
    assert (read_scan(result.output).counts[result.fill.filled] > 0).all()
    told = read_provenance(result.output)
    assert told["input"] == "f_%04d.tif"
    assert len(told["input_sha256"]) == 64


def _ctrl_c(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("place", "accident", "raised"),
    [
        ((method_of_request, "inpaint_scan"), _ctrl_c, KeyboardInterrupt),
        ((cxi_fill, "write_process"), _ctrl_c, KeyboardInterrupt),
        ((os, "replace"), _full_disk, InputError),
    ],
)
def test_an_accident_leaves_nothing(
    request_: Request,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[object, str],
    accident: object,
    raised: type[BaseException],
) -> None:
    before = sha256(Path(request_.scan))
    monkeypatch.setattr(*place, accident)
    with pytest.raises(raised):
        predict(request_)
    assert [path.name for path in Path(request_.scan).parent.iterdir()] == ["flat.cxi"]
    assert sha256(Path(request_.scan)) == before


def test_an_accident_leaves_what_was_there_before(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Path(request_.scan).with_name("flat_inpainted.cxi")
    output.write_bytes(b"precious")
    monkeypatch.setattr(os, "replace", _full_disk)
    with pytest.raises(InputError, match="No space left"):
        predict(replace(request_, force=True))
    assert output.read_bytes() == b"precious"


def test_the_file_reads_as_it_was_filled(request_: Request) -> None:
    result = predict(request_)
    with h5py.File(result.output) as file:
        np.testing.assert_array_equal(file[f"{DETECTOR}/data"][:], result.fill.counts)
        np.testing.assert_array_equal(file[f"{DETECTOR}/filled"][:] != 0, result.fill.filled)
        np.testing.assert_array_equal(file[f"{DETECTOR}/sigma"][:], result.fill.sigma)
        assert file[f"{DETECTOR}/sigma"].dtype == np.float32


def test_a_scan_that_stays_in_its_file_is_filled_as_one_in_memory(
    request_: Request, tmp_path: Path, rng: np.random.Generator
) -> None:
    """Masked voxels, a peak, and far from it a part of the gap that no light reaches."""
    shape = (12, 120, 40)
    z, y, x = np.ogrid[-6:6, -20:100, -20:20]
    counts = rng.poisson(800 * np.exp(-(z**2 + y**2 + x**2) / 40) + 0.04).astype(np.int32)
    mask = np.zeros(shape, dtype=bool)
    mask[:, :, 24:28] = mask[3, 7, 8] = True
    counts[mask] = 0
    write_scan(tmp_path / "stored.cxi", counts, mask)
    np.savez(tmp_path / "loaded.npz", data=counts, mask=mask)
    said: list[str] = []
    stored, loaded = (
        predict(replace(request_, scan=str(tmp_path / name), handover="prior"), say=said.append)
        for name in ("stored.cxi", "loaded.npz")
    )
    assert sum("see no signal" in line for line in said) == 2
    with h5py.File(stored.output) as one, h5py.File(loaded.output) as other:
        for name in ("data", "filled", "mask", "sigma", "lower_bound", "upper_bound"):
            mine, theirs = one[f"{DETECTOR}/{name}"][()], other[f"{DETECTOR}/{name}"][()]
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
        filled = one[f"{DETECTOR}/filled"][()] != 0
        np.testing.assert_array_equal(one[f"{DETECTOR}/data"][()][~filled], counts[~filled])
        np.testing.assert_array_equal(filled, mask & (np.arange(40) > 20))


def test_a_refinement_that_finds_no_crystal_leaves_the_fill_and_is_told(
    request_: Request,
) -> None:
    """Flat counts are no object's diffraction."""
    plain = predict(request_)
    said: list[str] = []
    refined = predict(replace(request_, refine=True, force=True), say=said.append)
    np.testing.assert_array_equal(refined.fill.counts, plain.fill.counts)
    assert sum(line.startswith("not refined: ") for line in said) == 1
    with h5py.File(refined.output) as file:
        stored = {name: node[()] for name, node in file[CONFIGURATION].items()}
    assert not stored["inpaint_refined"]
    assert stored["inpaint_refinement"].decode().startswith("not refined: ")
    assert stored["inpaint_refinement_seed"] == 0
    assert stored["inpaint_refinement_threads"] == torch.get_num_threads()


@pytest.mark.parametrize(("accepted", "handover"), [(True, "prior"), (False, "mask")])
def test_in_a_narrow_gap_only_an_accepted_refinement_is_used(
    request_: Request, monkeypatch: pytest.MonkeyPatch, accepted: bool, handover: str
) -> None:
    told: list[tuple[int, int]] = []

    def refine(
        counts: object,
        gap: object,
        fill: Fill,
        cycles: Callable[[int, int], None],
        **_: object,
    ) -> Refinement:
        cycles(3, 8)
        return Refinement(fill, accepted, 1.0, 0.5, (), "told")

    def cycles(done: int, total: int) -> None:
        told.append((done, total))

    monkeypatch.setattr(refined_fill, "refine", refine)
    monkeypatch.setattr(advice, "verdict_of", lambda *_, **__: "compare")
    assert predict(replace(request_, refine=True), cycles=cycles).handover == handover
    assert told == [(3, 8)]


@pytest.mark.parametrize(
    ("accepted", "said"),
    [(False, "is written without refinement"), (True, "written with its best refinement so far")],
)
def test_an_interrupted_refinement_is_written_and_is_no_finished_job(
    request_: Request, monkeypatch: pytest.MonkeyPatch, accepted: bool, said: str
) -> None:
    def interrupted(counts: object, gap: object, fill: Fill, **_: object) -> Refinement:
        return Refinement(fill, accepted, 0.0, 0.0, (), "told", interrupted=True)

    monkeypatch.setattr(refined_fill, "refine", interrupted)
    output = Path(request_.scan).with_name("out.cxi")
    asked = replace(request_, refine=True, output=output)
    with pytest.raises(KeyboardInterrupt, match=said):
        predict(asked)
    stored = read_provenance(output)
    assert bool(stored["refined"]) == accepted
    assert stored["job_sha256"] == "interrupted"
    assert read_scan(output).counts.shape == SHAPE
    # Whoever has asked for the end gets the result as ever:
    again = predict(replace(asked, force=True), stop=lambda: True)
    assert again.output == output
    assert read_provenance(output)["job_sha256"] == "interrupted"


def test_ctrl_c_while_a_refinement_reads_the_scan_leaves_the_fill(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(refined_fill, "whole", interrupted)
    output, said = Path(request_.scan).with_name("out.cxi"), list[str]()
    with pytest.raises(KeyboardInterrupt, match="is written without refinement"):
        predict(replace(request_, refine=True, output=output), say=said.append)
    assert "not refined: interrupted" in said
    stored = read_provenance(output)
    assert not stored["refined"]
    assert stored["job_sha256"] == "interrupted"


def test_the_scan_and_its_file_are_told_whether_a_fill_helps(tmp_path: Path, model: str) -> None:
    """A cube's fringes are 48 / 12 = 4 voxels apart, and the gap is 6 wide."""
    fringes = np.sinc((np.arange(48) - 20) / 4) ** 2
    counts = (1e6 * fringes[:, None, None] * fringes[:, None] * fringes).astype(np.float32)
    counts[:, 24:30] = 0
    mask = np.zeros(counts.shape, dtype=bool)
    mask[:, 24:30] = True
    write_scan(tmp_path / "cube.cxi", counts, mask)
    said: list[str] = []
    result = predict(Request(str(tmp_path / "cube.cxi"), model=model), say=said.append)
    assert result.advice is not None
    assert result.advice.distance == 3
    assert result.advice.fringes == pytest.approx(1.5, rel=0.1)
    assert said.count(str(result.advice)) == 1
    assert read_provenance(result.output)["advice_distance"] == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"masks": ("",)}, "--mask is ''"),
        ({"gap_mask": " "}, "--gap-mask is ''"),
        ({"finetune_steps": 3}, "without --finetune"),
        ({"method": "dip", "minutes": float("nan")}, "minutes is nan"),
        ({"method": "dip", "minutes": -1.0}, "minutes is -1"),
    ],
)
def test_what_a_request_says_wrongly_is_refused_unread(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check(Request("not_there.cxi", **options), planned=True)
