"""`/v1/patients/{patient}/scores/{cursor}/explanation`: why a stored score is what it is, on demand.

Computed by the engine's own code (core_rs/src/score/explain) from the stored feature row and inputs, with the very
model that made the score: same name and SHA-256. So it equals what was stored with an alert of that score. A score of a
model that is no longer loaded is answered with 409 and which bundle to load. Takes about 0.1 ms of one core.
"""

from array import array
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from nightlamp.errors import Problem
from nightlamp.identity.access import requires
from nightlamp.identity.roles import Permission, Principal
from nightlamp.store import Store
from nightlamp.store.routes import answers, seen
from nightlamp.store.views import Reason

Input = tuple[str, float | None, float | None, int | None]


class Explainer(Protocol):
    """The part of `_core.Scorers` this needs."""

    def listing(self) -> bytes:
        """JSON of all scorers."""
        ...

    def explain(self, name: str, features: Any, inputs: list[Input]) -> list[dict[str, Any]]:
        """The reasons, most important first."""
        ...

    def tell_inputs(self, inputs: list[Input]) -> list[str]:
        """Each input in words."""
        ...

    def expected_raw(self, name: str) -> float:
        """What a model's shares are added to."""
        ...


class ToldInput(BaseModel):
    """One input of the score; value and age are null where it was missing, and the words say so."""

    signal: str
    value: float | None
    age_s: float | None
    points: int | None
    words: str


class Explanation(BaseModel):
    """Why a score is what it is. For a model `base` and all shares, told or not (`rest`), add up to `raw`."""

    model: str
    version: str
    model_sha256: str = Field(description="Hex; empty for rules.")
    scored_at: datetime
    value: float
    raw: float
    base: float | None = Field(description="The raw score before anything is known; null for rules.")
    rest: float | None = Field(description="The shares that are not told; null for rules.")
    reasons: list[Reason] = Field(description="Most important first, at most five.")
    inputs: list[ToldInput] = Field(description="Everything the score was made from, missing ones too.")


def router(store: Store, explainer: Explainer) -> APIRouter:
    """The route, for callers with the permission read, of units they may see."""
    routes = APIRouter(prefix="/v1", tags=["store"])
    loaded = {one["name"]: one for one in orjson.loads(explainer.listing())}

    @routes.get(
        "/patients/{patient_id}/scores/{cursor}/explanation",
        summary="Why a score is what it is",
        responses={
            404: {"description": "No such patient or score."},
            409: {"description": "That model is not loaded."},
        },
    )
    async def explanation(
        caller: Annotated[Principal, Depends(requires(Permission.READ))],
        patient_id: UUID,
        cursor: Annotated[str, Path(max_length=100, description="`cursor` of the score.")],
    ) -> Explanation:
        """The reasons by signal and in words, as stored with alerts, with every input and its age (P9)."""
        async with answers():
            patient_id = await seen(store, caller, patient_id)
            row = await store.reader.score(patient_id, cursor)
        if row is None:
            raise Problem(404, "not_found", "No such score.")
        _same_model(row, loaded.get(row["model"]))
        return _told(row, explainer)

    return routes


def _same_model(row: dict[str, Any], scorer: dict[str, Any] | None) -> None:
    """409 unless this scorer made the row."""
    made = row["model_sha256"].hex()
    if scorer is not None and scorer["sha256"] == made and (made or scorer["version"] == row["version"]):
        return
    now = "none of that name is loaded" if scorer is None else f"loaded is version {scorer['version']}"
    needed = f" with model SHA-256 {made}" if made else ""
    raise Problem(
        409,
        "model_not_loaded",
        f"The score was made by {row['model']} {row['version']}{needed}; {now}. "
        "Load that bundle (models.load) and ask again.",
    )


def _told(row: dict[str, Any], explainer: Explainer) -> Explanation:
    columns = zip(row["input_names"] or [], row["input_values"], row["input_ages_s"], row["input_points"], strict=True)
    inputs: list[Input] = list(columns)
    reasons = explainer.explain(row["model"], array("f", row["features"]), inputs)
    base = explainer.expected_raw(row["model"]) if row["features"] else None
    told = zip(inputs, explainer.tell_inputs(inputs), strict=True)
    return Explanation(
        **{key: row[key] for key in ("model", "version", "scored_at", "value", "raw")},
        model_sha256=row["model_sha256"].hex(),
        base=base,
        rest=None if base is None else row["raw"] - base - sum(reason["share"] for reason in reasons),
        reasons=[Reason(**reason) for reason in reasons],
        inputs=[ToldInput(signal=s, value=v, age_s=a, points=p, words=words) for (s, v, a, p), words in told],
    )
