"""What a transformer looks at: for each layer and head a map of which position asks and which is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, product

import numpy as np
from numpy.typing import NDArray

from etude.figures.heads import SPACE, HeadsData, head_text, heads_data
from etude.figures.numbers import percent, significant
from etude.figures.png import palette_png
from etude.figures.svg import element, picture, text
from etude.values.run import Run

MOST_DRAWN = 24
"""Maps of an example that are drawn; of a network with more heads the first, and all of them in the table."""

SIDE, LEFT, TOP, RIGHT = 168, 26, 30, 2
SHADES = 15
SEEN = (0, 114, 178)
"""Blue of Okabe and Ito (2008), brightened by the page's style where the page is dark."""

LEAST_TICK = 18.0
NARROW = 9.0
"""Width that a number needs, and width of a cell below which the letters beside it are smaller."""

STEPS = (1, 2, 5, 10, 20, 50)
"""Numbers of cells between two that are numbered."""

SIGNS = str.maketrans({" ": SPACE, "\n": "↵", "\r": "↵", "\t": "⇥"})

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """One example.

    labels: what each cell is called: a character, or the numbers of its positions
    maps:   shape (layers, heads, cells, cells): the share of the row's attention that goes to the column
    says:   what the example is and what the network said of it, in words
    answers: (what was right, what was said) at each cell, where every position is asked; else empty
    """

    labels: tuple[str, ...]
    maps: Floats
    says: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class AttentionData:
    """A few examples as the heads of one run see them; `named` where the cells are characters."""

    replicate: int | None
    named: bool
    examples: tuple[Attended, ...]
    heads: HeadsData

    @property
    def drawn(self) -> tuple[tuple[int, ...], ...]:
        """The heads that are drawn, from 0, of each layer."""
        layers, heads = self.examples[0].maps.shape[:2]
        first = list(product(range(layers), range(heads)))[:MOST_DRAWN]
        return tuple(tuple(head for _, head in of) for _, of in groupby(first, key=lambda found: found[0]))


def attention_data(
    run: Run, *, unit: str, classes: Sequence[str], alphabet: Sequence[str] = (), most_maps: int = 3 * MOST_DRAWN
) -> AttentionData | None:
    """The maps that a run kept; None where it kept none.

    unit:      what a position is, such as "time step"
    classes:   the name of each class; none of a regression
    alphabet:  the character of each code; none where the positions are no characters, or it is not known
    most_maps: of all examples together; one example is always shown
    """
    if "attention/maps" not in run.arrays:
        return None
    maps, each = run.arrays["attention/maps"], int(run.arrays["attention/each"])
    shown = max(1, min(len(maps), most_maps // min(maps.shape[1] * maps.shape[2], MOST_DRAWN)))
    named = "attention/codes" in run.arrays and bool(alphabet)
    examples = tuple(
        _example(run, i, _characters(run, i, alphabet) if named else _numbers(run, i, each), classes, named=named)
        for i in range(shown)
    )
    heads = heads_data([(example.labels, example.maps) for example in examples], unit=unit, each=each)
    return AttentionData(run.replicate, named, examples, heads)


def _characters(run: Run, i: int, alphabet: Sequence[str]) -> tuple[str, ...]:
    codes = run.arrays["attention/codes"][i, : int(run.arrays["attention/cells"][i])]
    return tuple(_sign(alphabet[code]) for code in codes.tolist())


def _numbers(run: Run, i: int, each: int) -> tuple[str, ...]:
    firsts = range(1, 1 + each * int(run.arrays["attention/cells"][i]), each)
    return tuple(str(first) if each == 1 else f"{first}–{first + each - 1}" for first in firsts)


def _sign(character: str) -> str:
    """A character that can be seen and takes one place.

    >>> _sign("a"), _sign(" "), _sign("\\x07")
    ('a', '␣', '□')
    """
    seen = character.translate(SIGNS)
    return seen if seen.isprintable() and len(seen.encode("utf-16-le")) == 2 else "□"


def _example(run: Run, i: int, labels: tuple[str, ...], classes: Sequence[str], *, named: bool) -> Attended:
    n = len(labels)
    maps = np.asarray(run.arrays["attention/maps"][i], dtype=np.float64)[:, :, :n, :n]
    truth, said = (run.arrays[f"attention/{name}"][i] for name in ("truth", "said"))
    quoted = f"“{''.join(labels)}”, " if named else ""
    if not truth.ndim:
        kind = "class" if classes else "target"
        says = f"{quoted}{kind} {_answer(float(truth), classes)}, said {_answer(float(said), classes)}"
        return Attended(labels, maps, says, ())
    answers = tuple(
        (_sign(_answer(t, classes)), _sign(_answer(s, classes)))
        for t, s in zip(truth[:n].tolist(), said[:n].tolist(), strict=True)
    )
    right = sum(t == s for t, s in answers)
    return Attended(labels, maps, f"{quoted}of the {n} that come next {right} said right", answers)


def _answer(value: float, classes: Sequence[str]) -> str:
    return classes[round(value)] if classes else significant(value)


def draw_map(data: AttentionData, example: Attended, layer: int, head: int) -> str:
    """One head: the more colour, the more of the row's attention goes to the column, as the root of the share."""
    shades = np.rint(SHADES * np.sqrt(np.clip(example.maps[layer, head], 0, 1))).astype(np.uint8)
    opacities = [round(255 * shade / SHADES) for shade in range(SHADES + 1)]
    address = palette_png(shades, [SEEN] * (SHADES + 1), opacities=opacities)
    unseen = element("path", d=_stairs(len(example.labels)), class_="unseen")
    found = data.heads.heads[layer * example.maps.shape[1] + head]
    inner = element(
        "g",
        element("image", href=address, width=SIDE, height=SIDE, preserveAspectRatio="none"),
        *([unseen] if data.heads.causal else []),
        element("path", d=f"M0 0h{SIDE}v{SIDE}h-{SIDE}z", fill="none", class_="edge"),
        transform=f"translate({LEFT} {TOP})",
    )
    return picture(
        f"What {found.name} looks at",
        f"{example.says}: {head_text(data.heads, found)}" if example is data.examples[0] else example.says,
        inner,
        text(f"head {head + 1}", x=LEFT + SIDE / 2, y=10, text_anchor="middle"),
        *_names(data, example.labels),
        viewBox=f"0 0 {LEFT + SIDE + RIGHT} {TOP + SIDE + RIGHT}",
        class_="attention",
    )


def _stairs(cells: int) -> str:
    """Path data of what lies above the diagonal."""
    cell = SIDE / cells
    down = f"h{-cell:.3f}v{-cell:.3f}" * (cells - 1)
    return f"M{cell:.3f} 0H{SIDE}V{SIDE - cell:.3f}{down}z"


def _names(data: AttentionData, labels: Sequence[str]) -> list[str]:
    """What each cell is called, beside and above, or some of them; and which way is which."""
    cell = SIDE / len(labels)
    every = 1 if data.named else next((n for n in STEPS if n * cell >= LEAST_TICK), STEPS[-1])
    shown = [i for i in range(len(labels)) if (i + 1) % every == 0]
    says = [labels[i].partition("–")[0] for i in shown]
    middle = [cell * (i + 0.5) for i in shown]
    looks = {"class_": "letters small" if data.named and cell < NARROW else "letters"}
    x, anchor = (LEFT - 7.0, "middle") if data.named else (LEFT - 4.0, "end")
    above = _words(says, [LEFT + at for at in middle], [TOP - 4.0] * len(says))
    beside = _words(says, [x] * len(says), [TOP + at + 3 for at in middle])
    return [
        text("asks ↓", x=0, y=10, class_="unit"),
        text("looked at →", x=LEFT + SIDE, y=10, text_anchor="end", class_="unit"),
        element("g", *above, text_anchor="middle", **looks),
        element("g", *beside, text_anchor=anchor, **looks),
    ]


def _words(says: Sequence[str], x: Sequence[float], y: Sequence[float]) -> list[str]:
    """Words at their places: as one element where each is a single character, which takes a third of the bytes."""
    if any(len(word) != 1 for word in says):
        return [text(word, x=round(a, 1), y=round(b, 1)) for word, a, b in zip(says, x, y, strict=True)]
    across, down = (" ".join(f"{at:.1f}" for at in places) for places in (x, y))
    return [text("".join(says), x=across, y=down)]


def example_columns(data: AttentionData, example: Attended) -> tuple[str, ...]:
    """The heads of the columns of `example_rows`."""
    names = [f"layer {layer + 1}, head {head + 1}" for layer, heads in enumerate(data.drawn) for head in heads]
    return (data.heads.unit, *names, *(("next was", "said") if example.answers else ()))


def example_rows(data: AttentionData, example: Attended) -> tuple[tuple[str, ...], ...]:
    """Each cell that asks, what each head that is drawn looks at most there, and with which share."""
    drawn = [(layer, head) for layer, heads in enumerate(data.drawn) for head in heads]
    names = [f"{label} ({i})" for i, label in enumerate(example.labels, 1)] if data.named else list(example.labels)
    most = [example.maps[at].argmax(axis=1).tolist() for at in drawn]
    return tuple(
        (
            name,
            *(
                f"{names[of[i]]} {percent(float(example.maps[at][i, of[i]]))}"
                for at, of in zip(drawn, most, strict=True)
            ),
            *(example.answers[i] if example.answers else ()),
        )
        for i, name in enumerate(names)
    )
