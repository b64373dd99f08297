"""The user's own rows in plain PyTorch: a file or a bundled set read, split and scaled as étude does."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from etude.data.frame import Categories, Column, Frame, Numbers
from etude.data.given import bundled_frame
from etude.data.sheet import Cells, read_sheet, stamp
from etude.data.table import MISSING, MISSING_LABEL, TRUTHS, table_frame
from etude.figures.numbers import percent
from etude.values.data import Bundled, Data, Table


def rows_code(data: Data, *, per_class: bool) -> str:
    """The part of a script that reads these rows; "" of a source that no few lines can read.

    per_class: whether targets are class numbers, and the network has an output for each
    """
    known = SOURCES.get(type(data))
    return "" if known is None else known(data, per_class=per_class)


def _bundled(data: Bundled, *, per_class: bool) -> str:
    found = bundled_frame(data)
    read = f"""# The data: {data.bundled}, as it comes with scikit-learn, without the columns that never vary.
from sklearn import datasets

loaded = datasets.load_{data.bundled}()
answers = torch.tensor(loaded.target)
columns = [torch.tensor(column)[:, None] for column in loaded.data.T if (column != column[0]).any()]
scaled = [True] * len(columns)"""
    return "\n\n\n".join([read, _split(data, found, per_class=per_class)])


def _table(data: Table, *, per_class: bool) -> str:
    """ "" where the cells are of no text file, or of a kind that only étude reads, such as decimal commas."""
    sheet, found = read_sheet(stamp(data.table)), table_frame(data)
    names = [column.name for column in found.columns if isinstance(column, Numbers)]
    target = sheet.columns[data.target]
    is_number = _is_plain(target)
    if not sheet.between or not all(_is_plain(sheet.columns[name]) for name in names):
        return ""
    if not is_number and (found.kind == "regression" or set(found.classes) != set(target)):
        return ""
    answer = f"number(row[{data.target!r}])" if is_number else f"row[{data.target!r}]"
    classes = tuple(map(float, found.classes)) if is_number and found.classes else found.classes
    read = f"""# The data: {_line(data.table)}, by the path that the recipe has.
import csv

COLUMNS = {{  # the labels of a column; none of numbers
{_listed(found.columns)}
}}
MISSING = {sorted(MISSING)!r}


def number(cell):
    return math.nan if cell in MISSING else float({TRUTHS!r}.get(cell.lower(), cell))


with open({data.table!r}, encoding="utf-8-sig", newline="") as file:
    lines = [[cell.strip() for cell in row] for row in csv.reader(file, delimiter={sheet.between!r}) if row]
table = [dict(zip(lines[0], row)) for row in lines[1:]]
{_answers(answer, classes)}
columns, scaled = [], []
for name, labels in COLUMNS.items():
    if labels:
        cells = [{MISSING_LABEL!r} if row[name] in MISSING else row[name] for row in table]
        columns.append(torch.tensor([[float(cell == label) for label in labels] for cell in cells]).double())
    else:
        columns.append(torch.tensor([[number(row[name])] for row in table], dtype=torch.float64))
    scaled.append(not labels)"""
    return "\n\n\n".join([read, _split(data, found, per_class=per_class)])


def _is_plain(cells: Cells) -> bool:
    """Whether each is missing, a truth, or a number as Python writes it."""
    return all(cell in MISSING or cell.lower() in TRUTHS or _is_number(str(cell)) for cell in map(str, cells))


def _is_number(cell: str) -> bool:
    try:
        return "_" not in cell and float(cell) is not None
    except ValueError:
        return False


def _listed(columns: Sequence[Column]) -> str:
    told = [(one.name, list(one.labels) if isinstance(one, Categories) else None) for one in columns]
    return "\n".join(f"    {name!r}: {labels!r}," for name, labels in told)


def _answers(answer: str, classes: Sequence[Any]) -> str:
    if not classes:
        return f"answers = torch.tensor([{answer} for row in table], dtype=torch.float64)"
    return f"classes = {list(classes)!r}\nanswers = torch.tensor([classes.index({answer}) for row in table])"


def _split(data: Bundled | Table, found: Frame, *, per_class: bool) -> str:
    """How `columns`, `scaled` and `answers` become the parts, whatever they were read from."""
    is_number = found.kind == "regression"
    groups = "[torch.arange(len(answers))]" if is_number else "[answers == label for label in answers.unique()]"
    exam = f"max(1, int({data.test} * len(rows) + 0.5))" if data.test else "0"
    whole, held = "Of all rows" if is_number else "Of each class", percent(data.validation)
    return f"""# {whole} {held} are for validation, and {percent(data.test)} kept for the end.
train, validation, test = [], [], []
for group in {groups}:
    rows = torch.arange(len(answers))[group]
    rows = rows[torch.randperm(len(rows))]
    exam, kept = {exam}, max(1, int({data.validation} * len(rows) + 0.5))
    test.append(rows[:exam])
    validation.append(rows[exam : exam + kept])
    train.append(rows[exam + kept :])
train, validation, test = map(torch.cat, (train, validation, test))


def scale(column):  # by the training rows alone; gaps are filled with their median, and marked
    gaps = column.isnan()
    column = torch.where(gaps, column[train].nanquantile(0.5), column)
    spread = column[train].std(unbiased=False)
    column = (column - column[train].mean()) / spread if spread > 0 else torch.zeros_like(column)
    return torch.cat([column, gaps], dim=1) if gaps.any() else column


encoded = torch.cat([scale(one) if numbers else one for one, numbers in zip(columns, scaled)], dim=1).float()
{NUMBERS if is_number else ""}answers = {"answers.long()" if per_class else "answers[:, None].float()"}
inputs, validation_inputs, test_inputs = encoded[train], encoded[validation], encoded[test]
targets, validation_targets, test_targets = answers[train], answers[validation], answers[test]"""


NUMBERS = """spread = answers[train].std(unbiased=False)
answers = (answers - answers[train].mean()) / (spread if spread > 0 else 1.0)
"""
"""Numbers are learned less the training part's mean, divided by its standard deviation."""


def exam_code(data: Data) -> str:
    """The loss on the rows that were kept for the end; "" where there are none."""
    if not isinstance(data, Bundled | Table) or not data.test:
        return ""
    return """model.eval()
with torch.no_grad():
    print(f"test loss {loss_of(model(test_inputs), test_targets).item():.4g}")"""


def _line(words: str) -> str:
    return " ".join(words.split())


SOURCES: Mapping[type, Callable[..., str]] = MappingProxyType({Bundled: _bundled, Table: _table})
"""Kind of data → what reads it."""
