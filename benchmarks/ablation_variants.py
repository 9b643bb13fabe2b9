"""The variants of `benchmarks.ablation`, and the plan of each."""

from __future__ import annotations

from typing import Any

from bcdi_inpaint.training.plan import Plan

FULL = "full"
NO_AVERAGE = "no average"
NO_NETWORK = "no network"
_NO_MATE: dict[str, Any] = {"network": {"hidden": ["mate", "mate_known"]}}
_NO_KRIGING: dict[str, Any] = {"network": {"guess": "linear"}}
_PUBLISHED_LOSS: dict[str, Any] = {"loss": {"likelihood": 0}}
_COUNTS: dict[str, Any] = {"training": {"truth": "counts"}}
VARIANTS: dict[str, dict[str, Any]] = {
    FULL: {},
    "no mate": _NO_MATE,
    "no kriging": _NO_KRIGING,
    "no sigma channel": {"network": {"hidden": ["guess_sigma"]}},
    "published loss": _PUBLISHED_LOSS,
    "no dilations": {"network": {"dilations": "none"}},
    "counts as truth": _COUNTS,
    NO_AVERAGE: {},
    "no addition": {
        "network": _NO_MATE["network"] | _NO_KRIGING["network"],
        **_PUBLISHED_LOSS,
        **_COUNTS,
    },
    NO_NETWORK: {},
}
"""What each changes in the plan. `no average` has the weights of the last step of `full`'s run
instead of their moving average; `no addition` has a linear guess, no mate, the published loss and
noisy counts to learn towards; `no network` is the kriged first guess as it is."""


def base_plan(
    plan: Plan, steps: int | None, slabs: int | None, validation_slabs: int | None
) -> Plan:
    """The plan of `full`: shorter, with the warm-up and the average's span shortened alike."""
    old = plan.training
    share = (steps or old.steps) / old.steps
    training = {
        "steps": steps or old.steps,
        "steps_per_epoch": min(50, steps or old.steps),
        "warmup_steps": round(old.warmup_steps * min(share, 1)) if steps else old.warmup_steps,
        "average_decay": max(0.0, 1 - (1 - old.average_decay) / min(share, 1)),
        "slabs": slabs or old.slabs,
        "validation_slabs": validation_slabs or old.validation_slabs,
        "calibration_patterns": 0,
    }
    return plan.model_copy(update={"training": old.model_copy(update=training), "feed": None})


def plan_of(variant: str, base: Plan) -> Plan:
    """The plan of a variant."""
    values = base.model_dump(mode="json")
    for section, changes in VARIANTS[variant].items():
        values[section] |= changes
    if values["network"]["dilations"] == "none":
        values["network"]["dilations"] = [[1, 1]] * len(base.network.channels)
    return Plan.model_validate(values)
