"""What networks with our inputs begin at: the row that shows what training earned them."""

from __future__ import annotations

from collections.abc import Sequence

from bcdi_inpaint.evaluation.fills import Record
from bcdi_inpaint.evaluation.fills.records import distinct
from bcdi_inpaint.evaluation.report_tables import rows_as_table
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.studies.leads import TESTED, find_blindness, find_sure, leads_of

FIRST_GUESS = "first guess"
"""Its name in tables."""


def first_guess_model(n_dim: int) -> Model:
    """An untrained network, which adds nothing to the kriged guess that it sees.

    Examples
    --------
    >>> import torch
    >>> channels = torch.rand(1, 5, 8, 8)
    >>> bool((first_guess_model(2).network(channels)[0] == channels[:, :1]).all())
    True
    """
    config = NetworkConfig(n_dim=n_dim, channels=(8,), dilations=((1, 1),))
    return Model(GapUNet(config).eval(), FIRST_GUESS, FIRST_GUESS)


def table_of_earnings(
    records: Sequence[Record], names: Sequence[str], resamples: int, seed: int
) -> str:
    """How much better than the first guess each network correlates in the same gaps.

    Parameters
    ----------
    records : of all methods.
    names : of the networks that begin at the first guess.
    resamples, seed : of the bootstrap and the test.

    Returns
    -------
    Markdown: a table for each scan, a row for each network; empty without networks.
    """
    if not names:
        return ""
    text = (
        "\nCorrelation of log(1 + counts) in the gap, less that of the first guess that these "
        f"networks begin at: above 0 is what training earned, below 0 what it cost. {TESTED}\n"
    )
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        leads = leads_of(own, [(name, FIRST_GUESS) for name in names], resamples, seed)
        sure = find_sure(leads)
        rows: list[Record] = [{"network": name} for name in names]
        for row in rows:
            for width in sorted(distinct(own, "width")):
                of = (row["network"], width)
                row[f"{width} px"] = f"**{leads[of]}**" if of in sure else str(leads[of])
        blind = find_blindness(leads)
        heading = f"{scan}; {blind}" if blind else scan
        text += f"\n{heading}:\n\n" + rows_as_table(rows, [*rows[0]], "markdown")
    return text
