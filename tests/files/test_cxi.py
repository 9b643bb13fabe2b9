"""CXI files: those of PyNX and of cdiutils, and our own."""

import re

import h5py
import numpy as np
import pytest
import silx.io
from scan_files import (
    METADATA,
    PROVENANCE,
    SHAPE,
    cdiutils_cxi,
    filled_arrays,
    gapped_scan,
    pynx_cxi,
    refused,
    some_counts,
    some_mask,
)
from silx.io import nxdata

from bcdi_inpaint.files import (
    DETECTOR,
    is_output,
    read_scan,
    write_filled_cxi,
    write_result,
    write_scan,
)
from bcdi_inpaint.scan.scan import Metadata, Scan


def test_a_cxi_of_pynx(tmp_path):
    scan = read_scan(pynx_cxi(tmp_path / "a.cxi"))
    np.testing.assert_array_equal(scan.counts, some_counts())
    assert scan.counts.dtype == np.float32
    np.testing.assert_array_equal(scan.bad_mask, some_mask().astype(bool))
    assert scan.source == tmp_path / "a.cxi"
    assert scan.metadata == Metadata(
        energy_ev=pytest.approx(8000, rel=1e-5),
        distance_m=0.84,
        x_pixel_size_m=55e-6,
        y_pixel_size_m=75e-6,
        instrument="ESRF id01",
        sample="gold",
        start_time="2020-12-03T10:33:38+0100",
        extra={"sample_1/temperature": 295.5},
    )


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "u4", "u8", "f4", "?"])
def test_masks_of_any_type_mean_bad_by_anything_but_zero(tmp_path, dtype):
    flags = some_mask(dtype=dtype)
    if dtype in ("u2", "i4", "u4", "u8", "f4"):  # bits that a cast to int8 would lose
        flags[0] = np.array([[0, 128, 256, 512, 2048]], dtype=dtype)
    if dtype == "i1":
        flags[0, 0, 0] = -128
    scan = read_scan(pynx_cxi(tmp_path / "a.cxi", mask=flags))
    np.testing.assert_array_equal(scan.bad_mask, flags.astype(bool))
    assert scan.flags is not None
    np.testing.assert_array_equal(scan.flags, flags)
    assert scan.flags.dtype == flags.dtype


def test_without_a_mask_nothing_is_bad(tmp_path):
    scan = read_scan(pynx_cxi(tmp_path / "a.cxi", mask=None))
    assert not scan.bad_mask.any()
    assert scan.flags is None


def test_a_cxi_of_cdiutils(tmp_path):
    scan = read_scan(cdiutils_cxi(tmp_path / "S7_preprocessed_data.cxi"))
    np.testing.assert_array_equal(scan.counts, some_counts())
    expected = np.broadcast_to(some_mask(SHAPE[1:]).astype(bool), SHAPE)
    np.testing.assert_array_equal(scan.bad_mask, expected)
    assert scan.metadata.energy_ev == 9000
    assert scan.metadata.distance_m == 0.8
    assert (scan.metadata.y_pixel_size_m, scan.metadata.x_pixel_size_m) == (55e-6, 75e-6)
    assert scan.metadata.sample == "B12"


def test_an_own_mask_of_the_wrong_shape(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi", mask=np.ones((3, 4, 6)))
    with refused(tmp_path, f"{path}:/{DETECTOR}/mask", (3, 4, 6), SHAPE):
        read_scan(path)


def test_a_pattern_that_begins_with_its_centre(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/image_1/data"] = some_counts()
        file["entry_1/image_1/is_fft_shifted"] = 1
    with refused(tmp_path, "is_fft_shifted", "fftshift"):
        read_scan(tmp_path / "a.cxi")


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4", "f8"])
def test_a_written_scan_reads_the_same(tmp_path, dtype):
    counts, mask = some_counts(dtype), 200 * some_mask(dtype="i4")
    write_scan(tmp_path / "a.cxi", counts, mask, METADATA)
    scan = read_scan(tmp_path / "a.cxi")
    np.testing.assert_array_equal(scan.counts, counts)
    assert scan.counts.dtype == counts.dtype
    np.testing.assert_array_equal(scan.bad_mask, mask != 0)
    assert scan.metadata == METADATA


def test_a_field_of_the_metadata_wins_over_an_extra_of_its_name(tmp_path):
    metadata = Metadata(sample="Pt", extra={"sample_1/name": "Au", "sample_1/owner": "us"})
    write_scan(tmp_path / "a.cxi", some_counts(), metadata=metadata)
    expected = Metadata(sample="Pt", extra={"sample_1/owner": "us"})
    assert read_scan(tmp_path / "a.cxi").metadata == expected


def test_a_scan_without_bad_voxels_has_no_mask(tmp_path):
    write_scan(tmp_path / "a.cxi", some_counts(), np.zeros(SHAPE))
    with h5py.File(tmp_path / "a.cxi") as file:
        assert set(file[DETECTOR]) == {"data"}


def test_further_arrays_beside_the_counts(tmp_path):
    expectation = some_counts() + np.float32(0.25)
    write_scan(tmp_path / "a.cxi", some_counts(), some_mask(), arrays={"expectation": expectation})
    scan = read_scan(f"{tmp_path}/a.cxi:/{DETECTOR}/expectation")
    np.testing.assert_array_equal(scan.counts, expectation)
    np.testing.assert_array_equal(scan.bad_mask, some_mask().astype(bool))


def test_no_further_array_is_called_a_mask(tmp_path):
    with pytest.raises(RuntimeError, match="gap_Mask"):
        write_scan(tmp_path / "a.cxi", some_counts(), arrays={"gap_Mask": some_mask()})
    assert list(tmp_path.iterdir()) == []


def test_counts_that_could_not_be_read_again_are_not_written(tmp_path):
    with refused(tmp_path, "2 dimensions"):
        write_scan(tmp_path / "a.cxi", np.ones((3, 4)))
    with refused(tmp_path, (3, 4, 6)):
        write_scan(tmp_path / "a.cxi", some_counts(), np.ones((3, 4, 6)))


@pytest.mark.parametrize("energy_ev", [10000.0, 9980.21898712, 12431.526])
def test_the_energy_survives_the_way_through_joule(tmp_path, energy_ev):
    write_scan(tmp_path / "a.cxi", some_counts(), metadata=Metadata(energy_ev=energy_ev))
    assert read_scan(tmp_path / "a.cxi").metadata.energy_ev == energy_ev
    with h5py.File(tmp_path / "a.cxi") as file:
        source = file["entry_1/instrument_1/source_1/energy"]
        assert source[()] == pytest.approx(energy_ev * 1.602176634e-19, rel=1e-12)
        assert source.attrs["units"] == "J"
        wavelength = file["entry_1/instrument_1/beam_1/incident_wavelength"][()]
        assert wavelength == pytest.approx(12.39841984e-7 / energy_ev, rel=1e-9)


def test_outside_the_gap_every_bit_stays(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    stored = read_scan(tmp_path / "a.cxi").counts
    assert stored.dtype == np.float32
    outside = ~gap_mask
    assert stored[outside].tobytes() == scan.counts[outside].tobytes()
    assert stored[gap_mask].tobytes() == fill[gap_mask].tobytes()


def test_the_written_mask_is_the_bad_voxels_that_are_not_filled(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    with h5py.File(tmp_path / "a.cxi") as file:
        detector = file[DETECTOR]
        assert detector["mask"].dtype == np.int8
        expected = np.zeros(SHAPE, dtype=np.int8)
        expected[:, 0, :2] = 1
        np.testing.assert_array_equal(detector["mask"][()], expected)
        assert detector["filled"].dtype == np.uint8
        np.testing.assert_array_equal(detector["filled"][()], gap_mask.astype(np.uint8))
        np.testing.assert_array_equal(detector["original_flags"][()], scan.flags)
        assert detector["original_flags"].dtype == np.uint16


def test_a_mask_is_written_also_without_bad_voxels(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    bare = Scan(scan.counts, gap_mask, None, METADATA)
    write_filled_cxi(tmp_path / "a.cxi", bare, filled_arrays(bare, gap_mask, fill), PROVENANCE)
    with h5py.File(tmp_path / "a.cxi") as file:
        assert not file[f"{DETECTOR}/mask"][()].any()
        assert "original_flags" not in file[DETECTOR]


def test_metadata_and_provenance_travel(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    assert read_scan(tmp_path / "a.cxi").metadata == METADATA
    with h5py.File(tmp_path / "a.cxi") as file:
        process = file["entry_1/data_1/process_1"]
        assert process["program"][()] == b"bcdi-inpaint"
        assert process["version"][()] == b"0.1.0"
        assert process["command"][()] == b"bcdi-inpaint predict a.cxi"
        stored = {name: node[()] for name, node in process["configuration"].items()}
    assert stored.pop("inpaint_gaps").tolist() == [b"rows 1:2", b"cols 2:4"]
    assert stored.pop("inpaint_roi").tolist() == [0, 17]
    assert stored == {
        "inpaint_weights_sha256": b"ab" * 32,
        "inpaint_seed": 3,
        "inpaint_ratio": 0.5,
    }


def test_the_layout_is_that_of_pynx(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    with h5py.File(tmp_path / "a.cxi") as file:
        assert file["cxi_version"][()] == 140
        root = {"file_name", "file_time", "creator", "HDF5_Version", "h5py_version", "default"}
        assert root <= set(file.attrs)
        classes = {
            "entry_1": "NXentry",
            "entry_1/sample_1": "NXsample",
            "entry_1/instrument_1": "NXinstrument",
            "entry_1/instrument_1/source_1": "NXsource",
            "entry_1/instrument_1/beam_1": "NXbeam",
            DETECTOR: "NXdetector",
            "entry_1/data_1": "NXdata",
            "entry_1/data_1/process_1": "NXprocess",
            "entry_1/data_1/process_1/configuration": "NXcollection",
        }
        assert {path: file[path].attrs["NX_class"] for path in classes} == classes
        data = file[f"{DETECTOR}/data"]
        assert (data.compression, data.shuffle, data.chunks) == ("gzip", True, (1, 4, 5))
        link = file.get("entry_1/data_1/data", getlink=True)
        assert isinstance(link, h5py.SoftLink)
        assert link.path == f"/{DETECTOR}/data"


def test_only_the_mask_is_called_a_mask(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    names: list[str] = []
    with h5py.File(tmp_path / "a.cxi") as file:
        file.visit(names.append)
    assert [name for name in names if "mask" in name.lower()] == [f"{DETECTOR}/mask"]
    with pytest.raises(RuntimeError, match="mask_source"):
        write_filled_cxi(
            tmp_path / "b.cxi", scan, filled_arrays(scan, gap_mask, fill), {"mask_source": "x"}
        )


def test_silx_view_opens_on_the_filled_data(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    with silx.io.open(str(tmp_path / "a.cxi")) as file:
        plot = nxdata.get_default(file)
        assert plot is not None
        assert plot.interpretation == "image"
        np.testing.assert_array_equal(plot.signal[()], fill)


def test_a_filled_file_can_be_read_and_filled_again(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    again = read_scan(tmp_path / "a.cxi")
    write_filled_cxi(tmp_path / "b.cxi", again, filled_arrays(again, gap_mask, fill), PROVENANCE)
    np.testing.assert_array_equal(read_scan(tmp_path / "b.cxi").counts, fill)


def test_a_fill_that_changes_the_measurement_is_our_bug(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    fill[0, 0, 1] = 0.0  # was -0.0: equal, but not the same bits
    with pytest.raises(RuntimeError, match="differs from the measurement"):
        write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_a_fill_that_is_not_positive_is_our_bug(tmp_path, value):
    scan, gap_mask, fill = gapped_scan()
    fill[1, 1, 1] = value
    with pytest.raises(RuntimeError, match="not finite and positive"):
        write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)


def test_the_inputs_of_writing_stay_as_they_are(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    arrays = (scan.counts, scan.bad_mask, gap_mask, fill)
    before = [array.tobytes() for array in arrays]
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    assert [array.tobytes() for array in arrays] == before


def test_the_file_time_has_its_zone(tmp_path):
    write_scan(tmp_path / "a.cxi", some_counts())
    with h5py.File(tmp_path / "a.cxi") as file:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", file.attrs["file_time"])


@pytest.mark.parametrize("sure", [True, False])
def test_fills_that_are_not_trusted_stay_masked_with_their_fill_in_place(tmp_path, sure):
    scan, gap_mask, fill = gapped_scan()
    trusted = gap_mask & sure
    write_filled_cxi(
        tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill, trusted=trusted), PROVENANCE
    )
    written = read_scan(tmp_path / "a.cxi")
    np.testing.assert_array_equal(written.bad_mask, (scan.bad_mask | gap_mask) & ~trusted)
    assert written.counts.tobytes() == fill.tobytes()


def test_a_result_is_where_pynx_has_it(tmp_path):
    obj = np.random.default_rng(0).normal(size=SHAPE).astype(np.complex64)
    results = {"free_llk_poisson": 1.5, "nb_point_support": 7}
    provenance = {"command": "c", "seed": 3, "roi_final": (0, 3, 0, 4, 0, 5)}
    path = tmp_path / "r.cxi"
    write_result(path, obj, obj.real > 0, METADATA, results, ["HIO", "ER"], provenance)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["entry_last/image_1/data"][()], obj)
        np.testing.assert_array_equal(file["entry_1/image_1/support"][()], obj.real > 0)
        process = file["entry_1/image_1/process_1"]
        assert process["results/free_llk_poisson"][()] == 1.5
        assert process["note_1/data"][()] == b"HIO\nER"
        assert process["configuration/inpaint_seed"][()] == 3
        assert list(process["configuration/roi_final"]) == [0, 3, 0, 4, 0, 5]
    with silx.io.open(str(path)) as file:
        np.testing.assert_array_equal(nxdata.get_default(file).signal[()], obj)
    with refused(tmp_path, "r.cxi", "exists"):
        write_result(path, obj, obj.real > 0, METADATA, results, [], provenance)


def test_a_result_is_no_scan_to_fill(tmp_path):
    obj = np.ones(SHAPE, dtype=np.complex64)
    told = {"input_sha256": "ab" * 32}
    write_result(tmp_path / "r.cxi", obj, obj.real > 0, METADATA, {}, [], told)
    assert is_output(tmp_path / "r.cxi")
    assert not is_output(pynx_cxi(tmp_path / "a.cxi"))
