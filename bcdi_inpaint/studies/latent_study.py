"""The latent spaces of masked, filled and true patterns, method after method."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.evaluation.fills import Case, Filler, Record, Subject
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.studies.cache import key_of
from bcdi_inpaint.studies.config import LatentConfig
from bcdi_inpaint.studies.image_cases import place_anywhere
from bcdi_inpaint.studies.latent import as_seen, latent_places, neighbour_overlap

AGAIN, MASKED, CHANCE = "true patterns, learned again", "masked patterns", "chance"


def compare_latent_spaces(
    subjects: Iterable[Subject],
    methods: Mapping[str, Filler],
    hashes: Mapping[str, str],
    config: LatentConfig,
    seed: int,
    folder: Path,
) -> list[Record]:
    """The overlap of nearest neighbours with the truth's, for masked patterns and each fill.

    Parameters
    ----------
    subjects : images (1, n_y, n_x).
    methods : whose fills are looked at, by name.
    hashes : of the weights of those that are networks.
    config : of the autoencoders.
    seed : of the gaps and the autoencoders.
    folder : of the parts, a file for each set of images; it is made.

    Returns
    -------
    Rows with ``patterns`` and ``overlap``. What can be had says a second autoencoder of the true
    patterns, which begins elsewhere, as those of all fills do: a perfect fill has its overlap. The
    neighbours' share of all patterns is what chance gives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    placed = [place_anywhere(subject, "vertical", config.width, seed) for subject in subjects]
    cases = [case for case in placed if case is not None]
    truth = _places(folder / "truth", _true(cases, config), config, seed)
    rows = []
    for name in (AGAIN, MASKED, *methods):
        path = _path(name, hashes, seed, folder)
        of_truth = name == AGAIN
        images = (
            _true(cases, config) if of_truth else _filled(cases, methods.get(name), config, path)
        )
        places = _places(path, images, config, seed + 1)
        rows.append(
            {"patterns": name, "overlap": neighbour_overlap(places, truth, config.neighbours)}
        )
    return [*rows, {"patterns": CHANCE, "overlap": config.neighbours / max(len(cases) - 1, 1)}]


def are_placed(name: str, hashes: Mapping[str, str], seed: int, folder: Path) -> bool:
    """Whether the places of a method's fills are kept, so that it need not fill again.

    Parameters
    ----------
    name : of the method.
    hashes, seed, folder : see `compare_latent_spaces`.
    """
    return _path(name, hashes, seed, folder).with_suffix(".npy").exists()


def _path(name: str, hashes: Mapping[str, str], seed: int, folder: Path) -> Path:
    return folder / key_of([name, hashes.get(name), seed + 1])


def _true(cases: list[Case], config: LatentConfig) -> Float32Array:
    return np.stack([as_seen(case.subject.counts[0], config.size) for case in cases])


def _filled(
    cases: list[Case], fill: Filler | None, config: LatentConfig, path: Path
) -> Float32Array | None:
    """The images as a method fills them, masked for None; nothing where their places are kept."""
    if path.with_suffix(".npy").exists():
        return None
    images = []
    for case in cases:
        subject, bad = case.subject, case.subject.bad
        hidden = np.where(case.gap | bad, 0, subject.counts)
        if fill is not None:
            filled = fill(hidden, case.gap, bad_mask=bad).counts
            hidden = np.where(bad, subject.counts, filled)
        images.append(as_seen(hidden[0], config.size))
    return np.stack(images)


def _places(
    path: Path, images: Float32Array | None, config: LatentConfig, seed: int
) -> Float32Array:
    """The places of images in the latent space of their own autoencoder, kept in a file."""
    kept = path.with_suffix(".npy")
    if not kept.exists():
        assert images is not None
        stream = io.BytesIO()
        np.save(stream, latent_places(images, config, seed))
        replace_file(kept, stream.getvalue())
    return np.asarray(np.load(kept), dtype=np.float32)
