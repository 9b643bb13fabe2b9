"""The methods of a study by what they are, for tables and panels."""

from __future__ import annotations

from collections.abc import Sequence

from bcdi_inpaint.studies.contestants import OUR_KIND, Contestant


def groups_of(contestants: Sequence[Contestant], classical: Sequence[str]) -> dict[str, list[str]]:
    """Names of methods by heading; ours is in none, as it is shown beside each.

    Parameters
    ----------
    contestants : the networks.
    classical : methods without training.
    """
    compared = [each for each in contestants if each.kind != OUR_KIND]
    found = {
        "networks, as published": [c.name for c in compared if c.column == "published"],
        "networks, with our inputs": [c.name for c in compared if c.column == "ours"],
        "without training": list(classical),
        "our network, by loss": [c.name for c in contestants if c.by_loss],
    }
    return {heading: names for heading, names in found.items() if names}
