"""One LightGBM text model from several: its raw score is the mean of theirs.

The trees stand one after another, leaf values (and the inner nodes', which TreeSHAP reads in some programs) divided by
the number of models. The raw score of the whole equals the mean of the models' within a rounding a leaf; a test holds
it to 1e-12. The models must have been fitted on one binned data set: same features, same objective.
"""

_SCALED = ("leaf_value=", "internal_value=", "shrinkage=")
_OF_ONE = ("tree_sizes=", "feature_infos=")


def mean_of(models: list[str]) -> str:
    """The mean of models as `Booster.model_to_string` writes them. Raises ValueError where they do not fit together."""
    if not models:
        raise ValueError("the mean of no models")
    if len(models) == 1:
        return models[0]
    parts = [_parts(model) for model in models]
    head = parts[0][0]
    kept = [line for line in head if not line.startswith(_OF_ONE)]
    for other, _trees, _rest in parts[1:]:
        if [line for line in other if not line.startswith(_OF_ONE)] != kept:
            raise ValueError("the models differ in features or objective: their scores have no mean")
    trees = [_scaled(tree, len(models)) for _head, of_one, _rest in parts for tree in of_one]
    texts = [f"Tree={at}\n{tree}" for at, tree in enumerate(trees)]
    sizes = " ".join(str(len(text.encode())) for text in texts)
    lines = [f"tree_sizes={sizes}" if line.startswith("tree_sizes=") else line for line in head]
    return "\n".join(lines) + "\n\n" + "".join(texts) + parts[0][2]


def _parts(model: str) -> tuple[list[str], list[str], str]:
    """The header's lines, each tree without its number, and what follows the trees."""
    trees_end = model.index("end of trees\n")
    head, *trees = model[:trees_end].split("Tree=")
    return head.rstrip("\n").split("\n"), [tree.split("\n", 1)[1] for tree in trees], model[trees_end:]


def _scaled(tree: str, models: int) -> str:
    return "\n".join(_divided(line, models) if line.startswith(_SCALED) else line for line in tree.split("\n"))


def _divided(line: str, models: int) -> str:
    key, values = line.split("=", 1)
    return f"{key}={' '.join(repr(float(value) / models) for value in values.split())}"
