"""The forest beside lightgbm, lleaves, ONNX Runtime, treelite and tl2cgen: one model file, the same rows, one thread
each.

Raw scores are compared with lightgbm first: within 1e-12 (ours), 1e-5 (ONNX Runtime and treelite sum in float32).
ONNX Runtime gives probabilities, turned back for the comparison. Compiling (lleaves, tl2cgen) and converting (ONNX)
are not timed. Batches of 64 and 256, one row, and TreeSHAP beside lightgbm's pred_contrib. lightgbm's C fast path is
called through ctypes.
"""

import ctypes
import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from nightlamp._core import Forest, __version__
from tests.bench.figures import Side, compare, seconds_a_call, skip
from tests.bench.forest import checked, forests
from tests.bench.forest_model import FEATURES, WHAT, model_and_rows
from tests.bench.runner import ROOT

Rows = NDArray[np.float32]
SHAP_ROWS = 64
#: How far a peer's scores may lie from lightgbm's: some sum in float32.
APART_MAX = 1e-4


class Peer(NamedTuple):
    """A forest of somebody else."""

    version: str
    included: str
    predict: Callable[[Rows], Any]
    #: Its answer as raw scores, for the comparison; not timed.
    raw: Callable[[Any], Any] = np.ravel
    #: Only for single rows.
    single: bool = False


def main() -> None:
    """Compare whoever can be made here."""
    booster, x = model_and_rows()
    print("the model is here", flush=True)
    text = booster.model_to_string()
    # What is compiled once is used again: minutes of LLVM and gcc.
    folder = ROOT / ".cache/peers/forest" / hashlib.sha256(text.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.txt").write_text(text)
    # As it is served: from the file, so that both sides read the same numbers.
    booster = lgb.Booster(model_file=folder / "model.txt")
    expected = booster.predict(x[:8_192].astype(np.float64), raw_score=True)
    found = forests(text.encode())
    checked(found, x[:8_192].copy(), expected)
    made, missing = _peers(booster, folder, x[:512].copy(), expected[:512])
    for rows in (64, 256, 1):
        _compare(rows, found, made, x)
        for who, why in missing.items():
            skip(f"forest.{rows}", WHAT, who, why, "rows/s", "higher")
    _shap(booster, next(iter(found.values())), x)


def _compare(rows: int, found: dict[str, Forest], made: dict[str, Peer], x: Rows) -> None:
    batch = x[:rows].copy()
    unit, better = ("us", "lower") if rows == 1 else ("rows/s", "higher")

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        return lambda: (seconds_a_call(work) * 1e6) if rows == 1 else rows / seconds_a_call(work)

    sides = [
        Side(f"nightlamp, {name}", __version__, timed(_bound(forest, batch)), "raw score, from Python", True)
        for name, forest in found.items()
    ]
    for who, peer in made.items():
        if rows == 1 or not peer.single:
            sides.append(Side(who, peer.version, timed(lambda peer=peer: peer.predict(batch)), peer.included))
    compare(f"forest.{rows}", f"{WHAT}, " + ("one row" if rows == 1 else f"batches of {rows}"), unit, better, sides)


def _bound(forest: Forest, batch: Rows) -> Callable[[], object]:
    return lambda: forest.predict_raw(batch, FEATURES)


def _shap(booster: lgb.Booster, forest: Forest, x: Rows) -> None:
    rows, wide = x[:SHAP_ROWS].copy(), x[:SHAP_ROWS].astype(np.float64)
    mine = np.frombuffer(forest.shap(rows, FEATURES)).reshape(SHAP_ROWS, FEATURES + 1)
    apart = np.abs(mine - booster.predict(wide, pred_contrib=True)).max()
    assert apart < 1e-9, f"contributions differ by {apart}"
    included = "all contributions and the expected score"
    sides = [
        Side("nightlamp", __version__, _rate(lambda: forest.shap(rows, FEATURES)), included, True),
        Side(
            "lightgbm pred_contrib",
            lgb.__version__,
            _rate(lambda: booster.predict(wide, pred_contrib=True, num_threads=1)),
            included,
        ),
    ]
    compare("shap", f"{WHAT}, TreeSHAP, batches of {SHAP_ROWS}", "rows/s", "higher", sides)


def _rate(work: Callable[[], object]) -> Callable[[], float]:
    return lambda: SHAP_ROWS / seconds_a_call(work)


def _peers(
    booster: lgb.Booster, folder: Path, rows: Rows, expected: NDArray[np.float64]
) -> tuple[dict[str, Peer], dict[str, str]]:
    """Those that give the same scores, and why the others are missing."""
    makers: dict[str, Callable[[lgb.Booster, Path], Peer]] = {
        "lightgbm": _lightgbm,
        "lightgbm, C fast path": _fast_path,
        "lleaves": _lleaves,
        "ONNX Runtime": _onnx,
        "treelite (GTIL)": _treelite,
        "tl2cgen": _tl2cgen,
    }
    made, missing = {}, {}
    for who, make in makers.items():
        try:
            peer = make(booster, folder)
            some = rows[:1] if peer.single else rows
            apart = float(np.abs(np.ravel(peer.raw(peer.predict(some))) - expected[: len(some)]).max())
            if not apart <= APART_MAX:
                raise ValueError(f"its scores differ by {apart:.3g}")
        except Exception as error:
            missing[who] = f"{type(error).__name__}: {error}"[:200]
            continue
        made[who] = peer._replace(included=f"{peer.included}; largest difference {apart:.1g}")
    return made, missing


def _lightgbm(booster: lgb.Booster, folder: Path) -> Peer:
    def predict(rows: Rows) -> Any:
        return booster.predict(rows, raw_score=True, num_threads=1)

    return Peer(lgb.__version__, "Booster.predict, raw score", predict)


def _fast_path(booster: lgb.Booster, folder: Path) -> Peer:
    """`LGBM_BoosterPredictForMatSingleRowFast`: what lightgbm offers for one row at a time."""
    library, config = lgb.basic._LIB, ctypes.c_void_p()
    code = library.LGBM_BoosterPredictForMatSingleRowFastInit(
        booster._handle,
        ctypes.c_int(1),  # raw score
        ctypes.c_int(0),
        ctypes.c_int(-1),
        ctypes.c_int(0),  # float32
        ctypes.c_int32(FEATURES),
        ctypes.c_char_p(b"num_threads=1"),
        ctypes.byref(config),
    )
    if code:
        raise RuntimeError("lightgbm refused")
    result, length = (ctypes.c_double * 1)(), ctypes.c_int64()

    def predict(rows: Rows) -> Any:
        where = rows.ctypes.data_as(ctypes.c_void_p)
        library.LGBM_BoosterPredictForMatSingleRowFast(config, where, ctypes.byref(length), result)
        return np.array([result[0]])

    included = "LGBM_BoosterPredictForMatSingleRowFast by ctypes, raw score"
    return Peer(lgb.__version__, included, predict, single=True)


def _lleaves(booster: lgb.Booster, folder: Path) -> Peer:
    import lleaves

    model = lleaves.Model(model_file=folder / "model.txt")
    model.compile(cache=folder / "lleaves.bin", raw_score=True)
    return Peer(version("lleaves"), "compiled by LLVM, raw score", lambda rows: model.predict(rows, n_jobs=1))


def _onnx(booster: lgb.Booster, folder: Path) -> Peer:
    import onnxruntime
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    kind = [("x", FloatTensorType([None, FEATURES]))]
    model = convert_lightgbm(booster, initial_types=kind, zipmap=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()][1:]

    def raw(found: Any) -> Any:
        chance = found[:, 1].astype(np.float64)
        return np.log(chance / (1 - chance))

    made = f"{onnxruntime.__version__}, onnxmltools {version('onnxmltools')}"
    return Peer(made, "probability, float32", lambda rows: session.run(names, {"x": rows})[0], raw)


def _treelite(booster: lgb.Booster, folder: Path) -> Peer:
    import treelite

    model = treelite.frontend.load_lightgbm_model(folder / "model.txt")

    def predict(rows: Rows) -> Any:
        return treelite.gtil.predict(model, rows.astype(np.float64), nthread=1, pred_margin=True)

    return Peer(treelite.__version__, "its interpreter, raw score", predict)


def _tl2cgen(booster: lgb.Booster, folder: Path) -> Peer:
    import tl2cgen
    import treelite

    model = treelite.frontend.load_lightgbm_model(folder / "model.txt")
    library = folder / "tl2cgen.so"
    if not library.exists():
        tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={"parallel_comp": 8}, nthread=2)
    predictor = tl2cgen.Predictor(library, nthread=1)

    def predict(rows: Rows) -> Any:
        return predictor.predict(tl2cgen.DMatrix(rows.astype(np.float64)), pred_margin=True)

    return Peer(tl2cgen.__version__, "compiled C (gcc), raw score; DMatrix made in the call", predict)


if __name__ == "__main__":
    main()
