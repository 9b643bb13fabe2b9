"""`bcdi-inpaint evaluate`: how near the fills come to the truth, in tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bcdi_inpaint.commands.links import follow_links
from bcdi_inpaint.commands.results import check_free, make_folder, write_text
from bcdi_inpaint.commands.score_pictures import draw_against_counts, draw_gaps
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.running.progress import count_progress

if TYPE_CHECKING:
    from bcdi_inpaint.evaluation.fills import EvaluationConfig, Record, Subject
    from bcdi_inpaint.network.weights import Model


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of tables and pictures. Default: runs/NAME",
)
@click.option("--model", help="Weights of the network (.safetensors), in place of CONFIG's.")
@click.option(
    "--patterns",
    type=click.Path(path_type=Path),
    help="File of held-out patterns. Default: made from CONFIG's recipe, in the folder.",
)
@click.option("--methods", metavar="A,B", help="In place of CONFIG's, for example linear,network")
@click.option("--widths", metavar="3,6", help="Of the gaps in voxels, in place of CONFIG's.")
@click.option(
    "--protocol",
    type=click.Choice(["gaps", "published"]),
    default="gaps",
    show_default=True,
    help="Gaps of every kind through whole scans, or random cubes with a gap in their middle.",
)
@click.option(
    "--phasing",
    is_flag=True,
    help="Judge what fills do to crystals, after phase retrieval by PyNX, in place of the fills.",
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option("--workers", type=click.IntRange(1), help="Processes that simulate. Default: cores")
@click.option("--check", is_flag=True, help="Check the configuration, and do nothing else.")
@click.option("--force", is_flag=True, help="Replace tables and pictures that exist.")
@follow_links
@click.option("-q", "--quiet", is_flag=True)
def evaluate(
    config: Path | None,
    folder: Path | None,
    model: str | None,
    patterns: Path | None,
    methods: str | None,
    widths: str | None,
    protocol: str,
    phasing: bool,
    minutes: float | None,
    device: str,
    workers: int | None,
    check: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Judge methods on held-out simulated patterns, and on measured scans where they are.

    CONFIG (YAML) says which methods, gaps, patterns and scans; without one, all methods are judged
    on simulated patterns. Measured scans are looked for in the folder BCDI_INPAINT_DATA.

    Scores are in scores.md and .csv, and gap by gap in cases.csv; how often the truth lies in the
    intervals, by width and flux, is in coverage.md and .csv.

    Examples: bcdi-inpaint evaluate configs/evaluate_small.yaml -o small

    bcdi-inpaint evaluate --patterns held_out.h5 --methods linear,network --widths 3,6

    bcdi-inpaint evaluate --phasing configs/phasing.yaml
    """
    if phasing:
        from bcdi_inpaint.commands.crystal_scores import judge_crystals

        judge_crystals(config, folder, model, device, force, quiet, minutes)
        return
    read = _config(config, protocol, model=model, methods=methods, widths=widths)
    recipe = _recipe(read, patterns, str(config or "defaults"))
    if check:
        click.echo(f"{config or 'the defaults'}: a valid evaluation")
        return
    folder = folder or Path("runs") / read.name
    names = [*WRITTEN[protocol]]
    if protocol == "gaps" and folder.is_dir():
        names += [path.name for path in sorted(folder.glob("slices_*.png"))]
    check_free(folder, names, force)
    loaded = _load(read, device)
    make_folder(folder)
    if recipe is not None:
        from simulation.campaign import run as simulate

        patterns = folder / "held_out.h5"
        simulate(recipe, patterns, workers, quiet)
    judge = _judge_gaps if protocol == "gaps" else _judge_cubes
    judge(read, folder, patterns, loaded, device, minutes, quiet)


# --- what is judged ------------------------------------------------------------------------------


def _config(
    path: Path | None, protocol: str, *, model: str | None, methods: str | None, widths: str | None
) -> EvaluationConfig:
    """The configuration of a file, with what the command line changes."""
    from bcdi_inpaint.evaluation.fills import as_config
    from bcdi_inpaint.training.plan import read_yaml

    values = {} if path is None else read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path} holds {values!r}, expected keys of an evaluation: see configs/")
    changes: dict[str, Any] = {}
    if model is not None:
        changes["model"] = model
    if methods is not None:
        changes["methods"] = tuple(name.strip() for name in methods.split(","))
    if widths is not None:
        changed = _whole_numbers(widths)
        if protocol == "gaps":
            changes["widths"] = changed
        else:
            changes["published"] = {**(values.get("published") or {}), "widths": changed}
    return as_config(values | changes, str(path or "command line"))


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"widths is {text!r}, expected whole numbers: for example --widths 3,6"
        ) from error


def _recipe(config: EvaluationConfig, patterns: Path | None, where: str) -> Any:
    """The recipe of patterns to make, or None where a file has them or none are wanted."""
    from simulation.recipe import as_recipe

    if patterns is not None or not config.held_out:
        return None
    return as_recipe(config.held_out, f"{where}: held_out")


def _load(config: EvaluationConfig, device: str) -> Model | None:
    """The network, where it is judged."""
    from bcdi_inpaint.evaluation.fills import NETWORK, REFINED
    from bcdi_inpaint.filling.inpainting import choose_device
    from bcdi_inpaint.network.weights import load_weights

    choose_device(device)  # now, not after the patterns are made
    return load_weights(config.model) if {NETWORK, REFINED} & {*config.methods} else None


def _judge_gaps(
    config: EvaluationConfig,
    folder: Path,
    patterns: Path | None,
    model: Model | None,
    device: str,
    minutes: float | None,
    quiet: bool,
) -> None:
    """Gaps through whole scans."""
    from bcdi_inpaint.evaluation import fills as evaluation
    from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table

    measured_folder = evaluation.measured_folder()
    scans = evaluation.measured(config.measured, measured_folder)
    held_out = evaluation.simulated(patterns) if patterns is not None else iter(())
    fillers = evaluation.fillers(config.methods, model, device)
    with count_progress("scans and patterns", quiet=quiet) as done:
        outcome = evaluation.judge_all(
            chain(scans, held_out),
            config,
            fillers,
            minutes=minutes,
            progress=lambda _: done(1),
        )
    outcome.remarks[:0] = evaluation.missing_folder(config.measured, measured_folder)
    if not outcome.records:
        raise InputError(_nothing(outcome.remarks))
    rows = evaluation.summary(outcome.records, config)
    pooled = [row for row in rows if row["kind"] == evaluation.ALL]
    columns = [name for name in SUMMARY_COLUMNS if name != "kind"]
    covered = evaluation.coverage(outcome.records, config)
    by_peak = [row for row in covered if row["by"] == evaluation.PEAK]
    text = _head(config, model, patterns, outcome.remarks)
    text += "\n## All kinds of gap\n\n" + rows_as_table(pooled, columns, "markdown")
    if len(config.kinds) > 1:
        by_kind = [row for row in rows if row["kind"] != evaluation.ALL]
        text += "\n## Each kind of gap\n\n" + rows_as_table(by_kind, SUMMARY_COLUMNS, "markdown")
    if by_peak:
        columns = [name for name in evaluation.COVERAGE_COLUMNS if name != "by"]
        text += "\n## Coverage of the intervals, by decade of the brightest voxel\n\n"
        text += rows_as_table(by_peak, columns, "markdown")
    write_text(folder / "scores.md", text)
    write_text(folder / "scores.csv", rows_as_csv(rows, SUMMARY_COLUMNS))
    write_text(folder / "cases.csv", rows_as_csv(outcome.records, evaluation.CASE_COLUMNS))
    text = _head(config, model, patterns, outcome.remarks) + f"\n{COVERAGE}\n\n"
    text += rows_as_table(covered, evaluation.COVERAGE_COLUMNS, "markdown")
    write_text(folder / "coverage.md", text)
    write_text(folder / "coverage.csv", rows_as_csv(covered, evaluation.COVERAGE_COLUMNS))
    draw_gaps(folder, pooled, outcome.records, outcome.views)
    _say(rows_as_table(pooled, TERMINAL_COLUMNS), outcome.remarks, folder, quiet)


def _judge_cubes(
    config: EvaluationConfig,
    folder: Path,
    patterns: Path | None,
    model: Model | None,
    device: str,
    minutes: float | None,
    quiet: bool,
) -> None:
    """Random cubes of the brightest measured scan, and of bright simulated patterns."""
    from bcdi_inpaint.evaluation import fills as evaluation
    from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table

    names = [name for name in config.methods if name != "friedel"]
    remarks = ["a cube shows no Friedel mate: left out"] if len(names) < len(config.methods) else []
    fillers = evaluation.fillers(names, model, device)
    records: list[Record] = []
    for subjects, number in _bright(config, patterns, remarks):
        with count_progress("cubes", config.published.patches, quiet) as done:
            found, said = evaluation.judge_cubes(
                subjects, number, config, fillers, minutes=minutes, progress=done
            )
        records += found
        remarks += said
    if not records:
        raise InputError(_nothing(remarks))
    rows = evaluation.summary_of_cubes(records, config)
    text = _head(config, model, patterns, remarks)
    text += f"\n{CUBES}\n\n" + rows_as_table(rows, CUBE_SUMMARY_COLUMNS, "markdown")
    write_text(folder / "published.md", text)
    write_text(folder / "published.csv", rows_as_csv(rows, CUBE_SUMMARY_COLUMNS))
    write_text(folder / "cubes.csv", rows_as_csv(records, evaluation.CUBE_COLUMNS))
    draw_against_counts(folder / "published_by_counts.png", records, "cube")
    _say(rows_as_table(rows, CUBE_SUMMARY_COLUMNS), remarks, folder, quiet)


CUBES = """Pearson correlation of log(1 + counts) in a gap through the middle of random cubes, each
filled from what it shows alone: the mean over bins of the logarithm of the cubes' mean counts, and
without bins. On a measured scan the interval is over cubes, which overlap, so it is too narrow."""


def _bright(
    config: EvaluationConfig, patterns: Path | None, remarks: list[str]
) -> Iterator[tuple[Iterator[Subject], int]]:
    """The brightest measured scan, and the bright patterns; with how many they are."""
    from bcdi_inpaint.evaluation import fills as evaluation

    folder = evaluation.measured_folder()
    remarks += evaluation.missing_folder(config.measured, folder)
    scans = list(evaluation.measured(config.measured, folder))
    if scans:
        yield iter([max(scans, key=lambda subject: subject.brightest)]), 1
    if patterns is None:
        return
    rows = evaluation.bright_rows(patterns, config.published.bright)
    if rows:
        yield evaluation.simulated(patterns, rows), len(rows)
    else:
        remarks.append(f"no pattern expects {config.published.bright:g} counts in any voxel")


COVERAGE = """How often the truth lies in the intervals of 68 and 95 %, by width of the gap and by
flux: `all` has every gap, `peak` those of patterns by decade of their brightest voxel (both are
means over gaps), `fill` the voxels by decade of the counts that the method expects there. The truth
is the noise-free expectation; of a measured scan it is the counts, with their photon noise allowed
for. `clusters` are the particles that the confidence intervals are over."""


def _nothing(remarks: Sequence[str]) -> str:
    why = f" ({remarks[0]})" if remarks else ""
    return (
        f"nothing was judged{why}, expected patterns or measured scans: give --patterns, or a "
        "recipe in held_out, or the folder of measured scans in BCDI_INPAINT_DATA"
    )


# --- what is written -----------------------------------------------------------------------------

SCORES = ("pearson_log", "mae_log", "accuracy", "ssim", "poisson_deviance")
INSIDE = ("inside_68", "inside_95")
SUMMARY_COLUMNS = (
    "scan",
    "kind",
    "width",
    "method",
    "cases",
    "clusters",
    "judged",
    *SCORES,
    "of_the_way",
    *INSIDE,
)
TERMINAL_COLUMNS = (
    "scan",
    "width",
    "method",
    "cases",
    "judged",
    "pearson_log",
    "mae_log",
    "poisson_deviance",
    "of_the_way",
    *INSIDE,
)
CUBE_SUMMARY_COLUMNS = ("scan", "width", "method", "cubes", "bins", "pearson_log", "unbinned")
PICTURES = ("by_width.png", "deviance_by_width.png", "by_counts.png")
WRITTEN = {
    "gaps": ("scores.md", "scores.csv", "cases.csv", "coverage.md", "coverage.csv", *PICTURES),
    "published": ("published.md", "published.csv", "cubes.csv", "published_by_counts.png"),
}


def _head(
    config: EvaluationConfig, model: Model | None, patterns: Path | None, remarks: Sequence[str]
) -> str:
    """What makes the tables again, and what has to be known to read them."""
    lines = [f"# Evaluation `{config.name}`", "", f"- seed {config.seed}"]
    if model is not None:
        lines.append(f"- network: {model.name}, sha256 `{model.sha256}`")
    if patterns is not None:
        lines.append(f"- simulated patterns: {patterns.name}")
    lines.append(
        "- in brackets: 95 % confidence intervals over particles (on a measured scan, which is "
        "one crystal, over gaps)"
    )
    lines.append("- judged: part of the gaps' valid voxels that every method filled")
    lines += [f"- {remark}" for remark in remarks]
    return "\n".join(lines) + "\n"


def _say(text: str, remarks: Sequence[str], folder: Path, quiet: bool) -> None:
    if quiet:
        return
    click.echo(text, nl=False)
    for remark in remarks:
        click.echo(f"note: {remark}")
    click.echo(f"tables and pictures: {folder}")
