"""The README and the pages: their code runs, links lead somewhere, numbers have files."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from docs_site import cxi_tree, markdown
from docs_site.crystals_table import crystals_table, with_table
from docs_site.engines import pattern_of_runnable, say_what_is_missing
from docs_site.reports import REPOSITORY, read_report, read_tables
from docs_site.results import TABLES, part_of, table_of

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.pynx_engine import pynx_version
from simulation import simulate_scan

README = REPOSITORY / "README.md"


@pytest.fixture(scope="module")
def small_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small scan, `scan.cxi`, as the README calls it."""
    folder = tmp_path_factory.mktemp("readme")
    made = simulate_scan(seed=1, gap="rows", shape=(24, 32, 32), flux=1e6, peak_offset=0)
    write_scan(folder / "scan.cxi", made.scan.counts, made.gap_mask.astype("int8"))
    return folder


def run_line(line: str, *more: str) -> None:
    """Run a line of the README's shell block as the command line would."""
    program, *words = shlex.split(line, comments=True)
    assert program == "bcdi-inpaint"
    main.main([*words, *more], standalone_mode=False)


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 150


@pytest.fixture(scope="module")
def filled(small_scan: Path) -> Path:
    """What the README's lines of shell leave of the small scan, but for the last, which phases."""
    (block,) = markdown.code(README.read_text(), "sh")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(small_scan)
        for line in block.strip().splitlines()[:-1]:
            # A refinement is a phase retrieval: here it is only set up.
            run_line(line, *(["--dry-run"] if "--refine" in line else []))
    return small_scan / "scan_inpainted.cxi"


def test_the_readmes_lines_of_shell_run(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(filled.parent)
    assert filled.is_file()
    assert filled.with_suffix(".png").is_file()
    (block,) = markdown.code(README.read_text(), "sh")
    if pynx_version() is not None:
        last = block.strip().splitlines()[-1]
        run_line(last, "--runs", "1", "--cycles", "0,4,2", "--crop", "24")
        assert (filled.parent / "scan_inpainted_phased.cxi").is_file()


def test_the_readmes_lines_of_python_run(small_scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_scan)
    (block,) = markdown.code(README.read_text(), "python")
    assert len(block.strip().replace("\n\n", "\n").splitlines()) == 8
    exec(compile(block, str(README), "exec"), {})
    assert (small_scan / "filled.cxi").is_file()


def test_every_page_is_in_a_table_of_contents() -> None:
    index = markdown.DOCS / "index.md"
    reached, new = {index}, {index}
    while new:
        new = {page for old in new for page in markdown.listed(old)} - reached
        reached |= new
    assert set(markdown.pages()) == reached


@pytest.mark.parametrize("page", [README, *markdown.pages()], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [one for one in markdown.links(page) if not markdown.is_there(page, one)] == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[here](nowhere.md) and ![it](../auto_gallery/images/sphx_glr_99_no_001.png)")
    assert [markdown.is_there(page, one) for one in markdown.links(page)] == [False, False]


def test_numbers_of_results_are_in_their_files() -> None:
    for page in (markdown.DOCS / "results").glob("*.md"):
        assert markdown.unfounded_numbers(page.read_text()) == [], page.name


def test_a_number_that_is_in_no_file_is_found() -> None:
    part = "```{include} ../generated/parts/fills_simulated.md\n```\n"
    text = f"It goes 99.7 % of the way.\n\n{part}\nAnd 99.8 %.\n\n{part}\nEven 99.9 %.\n"
    assert markdown.unfounded_numbers(text) == ["99.7", "99.8", "99.9"]


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_results_are_cut_from_their_files(name: str) -> None:
    table, report = table_of(TABLES[name]), read_report(TABLES[name].report)
    assert table.rows
    lines = [[cell.strip() for cell in line.split("|")] for line in report.splitlines()]
    for row in table.rows:
        assert any(all(cell in line for cell in row.values() if cell) for line in lines)
    assert TABLES[name].command in part_of(TABLES[name])


def test_the_readmes_table_is_that_of_its_report() -> None:
    assert with_table(README.read_text()) == README.read_text(), "run tools/readme_table.py"


def test_the_readmes_table_takes_the_best_rows_that_a_report_has() -> None:
    head = "| setting | width | way | cases | ratio | worst |\n| - | - | - | - | - | - |\n"
    rows = [("mask", "1", "1"), ("zero", "7.5", "12.25"), ("refined prior", "0.5", "1.25")]
    text = head + "".join(
        f"| PyNX's command | {width} | {way} | 6 | {ratio} | {worst} |\n"
        for width in (6, 12, 24)
        for way, ratio, worst in rows
    )
    assert crystals_table(text).splitlines()[2] == "| 6 | 7.50 (12.2) | 1 | 0.50 (1.25) |"
    assert read_tables(text)[0].where(width=24, way="zero")[0]["ratio"] == "7.5"


def test_each_data_set_that_predict_writes_is_explained(filled: Path) -> None:
    assert {name for name, _ in cxi_tree.data_sets(filled)} <= set(cxi_tree.MEANING)


SHOWN = "Look: ![it](../auto_gallery/images/sphx_glr_01_page_001.png)\n"


@pytest.fixture
def app(tmp_path: Path) -> SimpleNamespace:
    """Sphinx, as far as it is asked: the folder of pages, whose gallery has a script."""
    (tmp_path / "gallery").mkdir()
    script = '"""Title\n=====\n\nNeeds PyNX and finufft.\n"""\n'
    (tmp_path / "gallery" / "01_page.py").write_text(script)
    return SimpleNamespace(srcdir=str(tmp_path))


def as_read(app: SimpleNamespace, name: str, text: str) -> str:
    texts = [text]
    say_what_is_missing(app, name, texts)
    return texts[0]


def test_a_page_without_its_engine_says_so(
    app: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own page, and those that would show its picture; no script is run without its engine."""
    folder = Path(app.srcdir) / "gallery"
    monkeypatch.setattr("docs_site.engines.find_spec", lambda name: None)
    assert pattern_of_runnable(folder) == "/(none)$"
    own = as_read(app, "auto_gallery/01_page", "\nTitle\n=====\n\nText\n")
    assert own.index("built without PyNX and finufft") < own.index("Text")
    said = as_read(app, "understand/page", SHOWN)
    assert "No picture here: this site was built without PyNX and finufft" in said
    assert "png" not in said


def test_with_its_engine_a_page_is_as_it_was_written(
    app: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docs_site.engines.find_spec", lambda name: object())
    assert as_read(app, "understand/page", SHOWN) == SHOWN
    assert pattern_of_runnable(Path(app.srcdir) / "gallery").startswith("/(01_page")
