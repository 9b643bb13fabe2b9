"""The keys of every configuration file, from the models that read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

Section = re.compile(r"^Attributes\n-+\n(.*)", re.DOTALL | re.MULTILINE)


def models() -> dict[str, tuple[str, type[BaseModel]]]:
    """By heading: which files a model reads, and the model."""
    from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
    from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
    from bcdi_inpaint.training.plan import Plan
    from simulation.crystals import CrystalConfig
    from simulation.recipe import Recipe

    return {
        "Patterns": ("`simulate configs/patterns.yaml`", Recipe),
        "Training": ("`train configs/release.yaml`", Plan),
        "Judging fills": ("`evaluate configs/evaluate_many.yaml`", EvaluationConfig),
        "Judging crystals": ("`evaluate --phasing configs/phasing_small.yaml`", PhasingConfig),
        "Crystals of known objects": ("the block `crystals` of those", CrystalConfig),
    }


def page() -> str:
    """All keys in Markdown: a heading for each kind of file, a table for each block of it."""
    parts = []
    for heading, (files, model) in models().items():
        parts.append(f"## {heading}\n\nRead by {files}.\n")
        parts += [block_table(name, block) for name, block in blocks("", model)]
    return "\n".join(parts)


def blocks(name: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """A model and those nested in it, each with the key that leads to it."""
    yield name, model
    for key, field in model.model_fields.items():
        for nested in _models_of(field.annotation):
            yield from blocks(f"{name}.{key}".strip("."), nested)


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_of(part)]


def block_table(name: str, model: type[BaseModel]) -> str:
    """The keys of one block: what each is by default, and what the model's docstring says of it."""
    said = descriptions(model)
    heading = f"### `{name}:` ({model.__name__})\n" if name else ""
    lines = ["| key | by default | what it is |", "| --- | --- | --- |"]
    for key, field in model.model_fields.items():
        lines.append(f"| `{key}` | {_default(field)} | {said.get(key, '')} |")
    return f"{heading}\n" + "\n".join(lines) + "\n"


def _default(field: Any) -> str:
    if field.is_required():
        return "*needed*"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its own keys'"
    text = "none" if value is None else str(value).replace("|", "\\|")
    return f"`{text or '(empty)'}`"


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What the docstring's section Attributes says of each key.

    Examples
    --------
    >>> class Small(BaseModel):
    ...     '''Small.
    ...
    ...     Attributes
    ...     ----------
    ...     a, b : two numbers,
    ...         both small.
    ...     '''
    ...     a: int = 1
    ...     b: int = 2
    >>> descriptions(Small)["b"]
    'two numbers, both small.'
    """
    import inspect

    found = Section.search(inspect.getdoc(model) or "")
    said: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", found.group(1) if found else ""):
        names, colon, text = entry.partition(" : ")
        if colon:
            words = " ".join(text.split()).replace("|", "\\|")
            said |= {key.strip(): words for key in names.split(",")}
    return said
