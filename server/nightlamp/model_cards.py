"""`/v1/models`: what scores here. The scorers in use, and for a model its card and its measured figures, as loaded at
start. For whoever may read patients or operate the server; no patient is in any of it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from nightlamp.errors import Problem
from nightlamp.identity.access import requires_any
from nightlamp.identity.roles import Permission, Principal

#: Largest card and metrics that are kept in memory.
FILE_BYTES_MAX = 1 << 20
MARKDOWN = "text/markdown; charset=utf-8"

Reader = Annotated[Principal, Depends(requires_any(Permission.READ, Permission.OPERATE))]
Name = Annotated[str, InPath(max_length=64, description="As /v1/models lists it.")]


@dataclass(frozen=True, slots=True)
class Papers:
    """What lies beside a model for people; None where the bundle has it not."""

    card: str | None
    metrics: dict[str, Any] | None


class Threshold(BaseModel):
    """A threshold on the score."""

    value: float
    text: str = Field(description="How it was chosen and what it means.")


class Model(BaseModel):
    """A scorer in use."""

    name: str
    version: str
    title: str
    kind: str = Field(description="rule or model.")
    sha256: str | None = Field(description="Of the model file; null for a rule.")
    outcome: str | None = Field(description="What the probability is of; null for a rule.")
    horizon_h: float | None
    thresholds: dict[str, Threshold]
    has_card: bool


class Models(BaseModel):
    """Everything that scores here."""

    items: list[Model]


def papers(folders: Iterable[Path]) -> dict[str, Papers]:
    """Cards and metrics by bundle name. What cannot be read is absent: a model scores without its papers."""
    return {folder.parent.name: Papers(_text(folder / "card.md"), _json(folder / "metrics.json")) for folder in folders}


def router(listed: list[dict[str, Any]], known: Mapping[str, Papers]) -> APIRouter:
    """`listed` are the engine's scorers, `known` their papers."""
    routes = APIRouter(prefix="/v1/models", tags=["models"])
    items = [_model(one, known) for one in listed]

    @routes.get("", summary="What scores here")
    async def listing(_: Reader) -> Models:
        """Rules and models with their versions and thresholds."""
        return Models(items=items)

    @routes.get(
        "/{name}/card",
        summary="A model's card",
        response_class=Response,
        responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
    )
    async def card(name: Name, _: Reader) -> Response:
        """What it is, for whom, how good it was measured to be, and what nobody knows about it. Markdown."""
        found = known.get(name)
        if found is None or found.card is None:
            raise Problem(404, "not_found", "No model of this name with a card is in use.")
        return Response(found.card, media_type=MARKDOWN)

    @routes.get("/{name}/metrics", summary="A model's measured figures")
    async def metrics(name: Name, _: Reader) -> dict[str, Any]:
        """metrics.json: out-of-fold figures with intervals, subgroups, alert budgets."""
        found = known.get(name)
        if found is None or found.metrics is None:
            raise Problem(404, "not_found", "No model of this name with figures is in use.")
        return found.metrics

    return routes


def _model(listed: dict[str, Any], known: Mapping[str, Papers]) -> Model:
    found = known.get(listed["name"]) if listed["kind"] == "model" else None
    return Model(
        **{key: listed[key] for key in ("name", "version", "title", "kind", "outcome", "horizon_h", "thresholds")},
        sha256=listed["sha256"] or None,
        has_card=found is not None and found.card is not None,
    )


def _text(path: Path) -> str | None:
    try:
        content = path.read_bytes()
        return content.decode() if len(content) <= FILE_BYTES_MAX else None
    except (OSError, UnicodeDecodeError):
        return None


def _json(path: Path) -> dict[str, Any] | None:
    """Without the sketch of the training patients, which is for `nightlamp evaluate`."""
    try:
        found = json.loads(_text(path) or "null")
    except ValueError:
        return None
    return {key: value for key, value in found.items() if key != "patients_sketch"} if isinstance(found, dict) else None
