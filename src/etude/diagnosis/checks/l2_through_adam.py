"""Weight decay that passes through Adam's normalisation, and so is no weight decay in proportion to the weight."""

from etude.diagnosis.case import Case
from etude.diagnosis.check import RunCheck, Seen
from etude.diagnosis.differing import field_words, size
from etude.diagnosis.saying import figure
from etude.values.finding import Cause, Finding, Measured, NotRun

SYMPTOM = "l2 through adam"
NORMALISING = ("adam", "rmsprop")


def look(case: Case) -> Seen:
    """An optimiser that divides by the gradient's size, with a penalty in the gradient."""
    told = _of_recipe(case) or _of_log(case)
    if told is None:
        return NotRun(SYMPTOM, "it needs the optimiser and its weight decay; log both as parameters")
    optimizer, decay, known = told
    if optimizer not in NORMALISING or not decay > 0:
        return None
    return _finding(optimizer, decay, known=known)


def _finding(optimizer: str, decay: float, *, known: bool) -> Finding:
    name = {"adam": "Adam", "rmsprop": "RMSprop"}[optimizer]
    strong = decay >= STRONG
    return Finding(
        SYMPTOM,
        f"The penalty of {figure(decay)} joins the gradient before {name} divides it by its own size. So weights with "
        f"large gradients are hardly shrunk, those with small ones by as much as a whole step, whatever λ is"
        f"{'' if known else ' (unless the code uses AdamW)'}.",
        "warning" if strong else "note",
        (CHANGES if strong else SELDOM) * (1 if known else 0.8),
        (Measured("coupled weight decay λ", decay),),
        causes=(
            Cause(
                "`weight_decay` of torch's Adam and RMSprop is a penalty in the gradient, not a shrinkage",
                "the same run with AdamW, and the same run with no decay",
            ),
        ),
        treatments=("AdamW, whose decay shrinks every weight by learning rate × λ", "no weight decay"),
    )


def _of_recipe(case: Case) -> tuple[str, float, bool] | None:
    if case.recipe is None:
        return None
    optimizer = dict(case.recipe.optimizer)
    return str(optimizer["name"]), float(optimizer.get("coupled_weight_decay", 0.0)), True


def _of_log(case: Case) -> tuple[str, float, bool] | None:
    facts = {field_words(name): value for name, value in case.run.provenance.items()}
    optimizer = next((facts[name] for name in ("optimizer", "optimiser", "optim", "opt") if name in facts), None)
    decay = next((size(facts[name]) for name in ("weight decay", "wd") if name in facts), None)
    if optimizer is None or decay is None:
        return None
    return str(optimizer).lower().removeprefix("torch.optim."), decay, False


STRONG = 1e-3
"""A coupled λ from which AdamW with the same λ, or no decay, often gives another result."""

CHANGES, SELDOM = 0.85, 0.15
"""That another result is another by more than the smallest effect of interest; see docs/evidence/study-checks.md."""

CHECK = RunCheck(SYMPTOM, look)
