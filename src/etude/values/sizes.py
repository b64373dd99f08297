"""What a network must take in and give out."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class Sizes:
    """The form of one example, and how many raw outputs are wanted of it.

    An example arrives flat, as float32 numbers in row-major order; a sequence that ends early is filled up with NaN.

    inputs:        (features,); (channels, height, width) of an image; (positions, channels) of a sequence;
                   (positions,) of a text, whose numbers then stand for characters
    outputs:       raw outputs of an example, or of each of its positions
    characters:    how many different ones a text is made of; 0 for what is not text
    each_position: whether every position is asked, as of a text that is to be continued: the network then gives
                   (rows, positions, outputs) instead of (rows, outputs), and none may look at positions that follow it
    """

    inputs: tuple[int, ...]
    outputs: int
    characters: int = 0
    each_position: bool = False

    @property
    def n_inputs(self) -> int:
        """Numbers of an example.

        >>> Sizes((3, 32, 32), 10).n_inputs
        3072
        """
        return prod(self.inputs)
