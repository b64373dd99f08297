"""What is done to images as they are learned from, so that no two epochs show the same ones."""

from pydantic import Field

from etude.values.spec import Spec


class Augment(Spec):
    """Chance changes of an image that leave its class alone; images that are scored stay as they are."""

    flip: bool = Field(False, description="whether every other image, by chance, is mirrored left and right")  # noqa: FBT003
    shift: int = Field(0, ge=0, le=64, description="pixels that an image is moved by at most, each way; black comes in")
