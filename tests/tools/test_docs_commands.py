"""The commands of the pages run as they stand there, in a folder with the files that they name.

What would take minutes is made short by an option at its end, or is only held against its plan.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from docs_site import markdown
from docs_site.reports import REPOSITORY
from small_network import write_tiny_weights

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import example, write_scan
from bcdi_inpaint.gaps.detectors import find_detector, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.jobs import batch
from bcdi_inpaint.network import weights
from bcdi_inpaint.pynx_engine import pynx_version
from bcdi_inpaint.training import finetuning
from bcdi_inpaint.training.finetune_settings import FinetuneSettings

PLANNED = ["--dry-run"]
SHORTER = (
    (r"predict .*(--refine|--finetune)", PLANNED),
    (r"(train|evaluate|simulate configs/\S+) ", ["--check"]),
    (r"simulate --single ", ["--force"]),
    (r"finetune ", ["--steps", "1"]),
    (r"phase ", ["--runs", "1", "--cycles", "0,4,2", "--crop", "24", "--force"]),
    (r"pynx-cdi-id01 ", ["--nb_run", "1", "--nb_run_keep", "1", "--algorithm", "ER**2"]),
)
"""By the beginning of a command: what is added, so that it takes a second."""
ELSEWHERE = ("--version", "doctor", "view")
"""Run by tests of their own."""
SHAPE = (24, 32, 32)
ROWS = Gap(axis=1, start=19, stop=25)


def peak(shape: tuple[int, int, int], *gaps: Gap) -> np.ndarray:
    """Counts (*shape) of a peak with fringes, and nothing in the gaps."""
    z, y, x = np.meshgrid(*[np.arange(n) - n // 2 for n in shape], indexing="ij")
    light = 3e4 * (1.1 + np.cos(0.9 * (y + x - z))) / (1 + 0.05 * (z**2 + y**2 + x**2)) ** 1.5
    counts = np.random.default_rng(1).poisson(light + 2)
    return np.where(gap_mask(gaps, shape), 0, counts).astype(np.uint32)


def write_peak(path: Path, shape: tuple[int, int, int] = SHAPE, *gaps: Gap) -> None:
    """A scan as CXI."""
    gaps = gaps or (ROWS,)
    path.unlink(missing_ok=True)
    write_scan(path, peak(shape, *gaps), gap_mask(gaps, shape))


def of_a_night(folder: Path) -> None:
    """Files and folders of many scans, none of which is filled."""
    (folder / "scan_inpainted.cxi").unlink()
    (folder / "night").mkdir()
    write_peak(folder / "night" / "one.cxi")
    (folder / "list.txt").write_text("scan.cxi\nnight/one.cxi\n")
    with h5py.File(folder / "raw.h5", "w") as file:
        for number in (1, 2):
            file[f"{number}.1/measurement/mpx1x4"] = peak(SHAPE, ROWS)


def of_many_gaps(folder: Path) -> None:
    """Scans whose gaps lie where the lines of the page say."""
    cross = Gap(1, 254, 260), Gap(2, 254, 260)
    np.save(folder / "scan.npy", peak((4, 270, 270), *cross))
    with h5py.File(folder / "raw.h5", "w") as file:
        maxipix = place_gaps(find_detector("maxipix"), (516, 516))
        file["1.1/measurement/mpx1x4"] = peak((2, 516, 516), *maxipix)
    shape = (6, 220, 40)
    eiger = place_gaps(find_detector("eiger2m"), shape[1:], (700, 200), 2)
    write_peak(folder / "scan.cxi", shape, *eiger)
    np.save(folder / "gap.npy", gap_mask(eiger, shape))


def of_other_programs(folder: Path) -> None:
    """What cdiutils and cohere prepare."""
    np.savez(folder / "S11_pynx_input_data.npz", data=peak(SHAPE, ROWS))
    np.savez(folder / "S11_pynx_input_mask.npz", mask=gap_mask((ROWS,), SHAPE).astype("i1"))
    tifffile.imwrite(folder / "prep_data.tif", peak(SHAPE, ROWS).astype(np.float32))


def of_training(folder: Path) -> None:
    """Another scan."""
    write_peak(folder / "more.cxi")


FILES: dict[str, Callable[[Path], None]] = {
    "many_scans": of_a_night,
    "night": of_a_night,
    "gap_not_found": of_many_gaps,
    "other_programs": of_other_programs,
    "train": of_training,
}
"""What the commands of a page take besides `scan.cxi`."""


def commands(page: Path) -> list[str]:
    """The lines of a page that begin with our command, without their comments."""
    blocks = [*markdown.code(page.read_text(), ""), *markdown.code(page.read_text(), "sh")]
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    own = [line.removeprefix("bcdi-inpaint ") for line in lines if line.startswith("bcdi-inpaint ")]
    return [line for line in own if line.split()[0] not in ELSEWHERE]


PAGES = [page for page in markdown.pages() if "reports" not in page.parts and commands(page) != []]


def words_of(line: str, *, planned: bool) -> list[str]:
    """A line as the shell would give it, and what makes it short, before what follows ``--``."""
    words = [name for word in shlex.split(line) for name in _globbed(word)]
    more = next((more for begun, more in SHORTER if re.match(begun, f"{line} ")), [])
    if planned and words[0] == "predict":
        more = PLANNED
    end = words.index("--") if "--" in words else len(words)
    return [*words[:end], *more, *words[end:]]


def _globbed(word: str) -> list[str]:
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `scan.cxi` and its fill."""
    folder = tmp_path_factory.mktemp("filled")
    write_peak(folder / "scan.cxi")
    model = write_tiny_weights(folder / "tiny.safetensors")
    done = CliRunner().invoke(
        main, ["predict", str(folder / "scan.cxi"), "--model", str(model), "--handover", "prior"]
    )
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands of a page run: quickly, and without processes of their own."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    (tmp_path / "configs").symlink_to(REPOSITORY / "configs")
    quick = FinetuneSettings(slabs=1, held_out_slabs=1, held_out_patches=4)
    monkeypatch.setattr(finetuning, "SETTINGS", quick)
    monkeypatch.setattr(weights, "default_path", lambda: tmp_path / "tiny.safetensors")
    monkeypatch.setattr(batch, "open_executor", lambda *_: ThreadPoolExecutor(1))
    monkeypatch.setattr(example, "EXAMPLE", tmp_path / "scan.cxi")
    monkeypatch.setenv("BCDI_INPAINT_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page: Path, folder: Path) -> None:
    """Those of the first fill fill; elsewhere `predict` says what it would do."""
    is_first = page.stem == "first_fill"
    if is_first:
        (folder / "scan_inpainted.cxi").unlink()
    FILES.get(page.stem, lambda _: None)(folder)
    for line in commands(page):
        if line.split()[0] in ("phase", "pynx-cdi-id01") and pynx_version() is None:
            continue
        done = CliRunner().invoke(main, words_of(line, planned=not is_first))
        assert done.exit_code == 0, f"{line}: {done.output} {done.exception}"
    assert not is_first or (folder / "scan_inpainted.png").is_file()


def test_the_first_fill_says_where_the_example_is() -> None:
    text = (markdown.DOCS / "start" / "first_fill.md").read_text()
    (program,) = re.findall(r'python -c "(.*?)"', text)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(program, {})
    assert Path(said.getvalue().strip()) == example.EXAMPLE


@pytest.mark.parametrize("name", ["first_fill", "reading_the_result"])
def test_the_python_of_a_page_runs(name: str, folder: Path) -> None:
    (block,) = markdown.code((markdown.DOCS / "start" / f"{name}.md").read_text(), "python")
    exec(compile(block, name, "exec"), {})


@pytest.mark.parametrize("page", markdown.pages(), ids=lambda page: page.stem)
def test_configurations_and_tools_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"(?<![\w/.])(?:configs|tools|benchmarks)/[\w.]+\w", page.read_text())
    assert [name for name in named if not (REPOSITORY / name).exists()] == []
