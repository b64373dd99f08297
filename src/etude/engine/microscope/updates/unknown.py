"""The step of an optimiser that we do not know: its gradient step, and the rest."""

from etude.engine.microscope.updates.moved import Apart, Moved, common_factors


def update(moved: Moved) -> Apart:
    """−η × gradient, and whatever else it did, so that they sum to the step; all is rest without a learning rate."""
    if "lr" not in moved.settings:
        return Apart({"the rest": moved.step}, {})
    along = -moved.setting("lr") * moved.clipping * moved.gradient
    return Apart({"−η × gradient": along, "the rest": moved.step - along}, common_factors(moved))
