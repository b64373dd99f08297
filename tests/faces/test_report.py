"""The report on a study that looks like the journey: nineteen arms, sixteen replicates, eight claims."""

import base64
import dataclasses
import hashlib
import html
import html.parser
import re
import xml.etree.ElementTree as ET
from types import MappingProxyType

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from scipy import stats

from etude.faces.factorial import horizon_of
from etude.faces.report import report_html, write_report
from etude.studies.design import arms_of
from etude.studies.execute import conclude
from etude.values.claim import Bound, Claim, Contrast, Judgement
from etude.values.curve import curve
from etude.values.data import Bundled, Memory, Table, Text
from etude.values.effect import Effect, VarianceShare
from etude.values.errors import ReportError
from etude.values.metric import METRICS, Limit
from etude.values.recipe import Recipe
from etude.values.run import Run
from etude.values.study import Arm, Plan, StudyResult

CHROMIUM = "/usr/bin/chromium"
HOSTILE = """<script>alert("1")</script> 'quoted' & “größer” λ→∞ \u202e</style></svg>"""
BASE = Recipe(
    data={"task": "sincos", "rows": 1000, "features": 2, "flip": 0.05}, loss="bce", model={"hidden": [4]}, epochs=1500
)
LIMITS = {
    "log_loss": Limit("log_loss", float(np.log(2)), 0.6902, 0.19852),
    "brier": Limit("brier", 0.25, 0.2485, 0.0475),
    "accuracy": Limit("accuracy", 0.5, 0.512, 0.95),
}
START = {"log_loss": 0.74, "brier": 0.27, "accuracy": 0.5, "calibration": 0.02}
END = {"log_loss": 0.47, "brier": 0.155, "accuracy": 0.79, "calibration": 0.002}
LABELS = (
    "notebook 1",
    "notebook 2",
    "notebook 3",
    "notebook 3, as described",
    "1,200 training rows",
    "twice the units",
    "twice the units, 1,200 rows",
    "BCE at notebook 2's settings",
    "MSE at notebook 1's settings",
    "L2 0.01, 32 units",
    "no L2, 32 units",
    "no L2, 32 units, 6,000 epochs",
    "L2 0.01, 32 units, 6,000 epochs",
    HOSTILE,
    "two distractors",
    "one distractor",
    "no distractors, 1,500 rows",
    "learning rate 0.01",
    "learning rate 3, no schedule, hidden 7, coupled weight decay 0.01, 1,500 rows, 4 features",
)


def fake_curves(rng, quality, loss, diverged):
    curves = {}
    steps = np.linspace(0, 1500, 101).astype(int)
    course = 1 - np.exp(-steps / rng.uniform(300, 600))
    for name in START:
        for split, bonus in (("train", 0.04), ("validation", 0.0), ("test", 0.0)):
            end = END[name] + quality * (START[name] - END[name]) + rng.normal(0, 0.03) * (END[name])
            walk = rng.normal(0, 0.001, steps.size).cumsum() * 0.3
            values = START[name] + (end - START[name]) * course * (1 + bonus) + walk
            if diverged:
                values[40:] = np.nan
            curves[f"{split}/{name}"] = curve(f"{split}/{name}", steps, values, unit=METRICS[name].unit)
    epochs = np.arange(0, 1501)
    unit, start = ("nats", 0.72) if loss == "bce" else ("squared probability", 0.26)
    for split in ("train", "validation"):
        values = start * (0.7 + 0.3 * np.exp(-epochs / 400)) + rng.normal(0, 0.0015, epochs.size).cumsum() * 0.2
        if diverged:
            values[600:] = np.exp(np.linspace(0, 200, epochs.size - 600))
        curves[f"{split}/objective"] = curve(f"{split}/objective", epochs, values, unit=unit)
    return MappingProxyType(curves)


def fake_arrays(rng, features, hidden):
    x = np.linspace(-9, 9, 41)
    x1, x2 = np.meshgrid(x, x)
    truth = np.where(np.sin(x1) + np.cos(x2) > 0, 0.95, 0.05)
    slope = rng.normal(0, 0.15, 2)
    p = 1 / (1 + np.exp(-2 * (np.sin(x1 * 0.8 + slope[0]) + 0.6 * np.cos(x2 + slope[1])) - 0.3 * slope[0] * x1))
    decision = {"decision/x1": x, "decision/x2": x, "decision/p": p, "decision/truth": truth}
    weights = {
        "weights/0.weight": rng.normal(0, 1, (hidden, features)),
        "weights/0.bias": rng.normal(0, 1, hidden),
        "weights/2.weight": rng.normal(0, 1, (1, hidden)),
        "weights/2.bias": rng.normal(0, 1, 1),
    }
    return MappingProxyType({**weights, **(decision if features == 2 else {})})


def fake_run(arm, r):
    rng = np.random.default_rng([arm, r])
    diverged = arm == 18 and r % 3 == 0
    quality = (arm % 5) * 0.15 + rng.normal(0, 0.04)
    provenance = {"engine": "loop", "torch": "2.13.0", "threads": 1, "seconds": 1 + r / 16, "data": f"{r:064x}"}
    return Run(
        name=f"replicate {r}",
        curves=fake_curves(rng, quality, "mse" if arm % 4 == 1 else "bce", diverged),
        ended="diverged" if diverged else "completed",
        last_step=1500,
        kept_step=1500,
        recipe=BASE,
        replicate=r,
        arrays=fake_arrays(rng, 2 if arm % 3 else 3, (4, 7, 32)[arm % 3]),
        provenance=MappingProxyType(provenance),
    )


def fake_effect(mean, verdict, *, seed=0, metric="log_loss", spread=0.02, says="", factor="loss", **more):
    rng = np.random.default_rng(seed)
    found = METRICS.get(metric)
    half = 2.5 * spread / 4
    differences = tuple((mean + spread * rng.standard_normal(16)).tolist())
    return Effect(
        **{
            "mean": mean,
            "low": mean - half,
            "high": mean + half,
            "level": 0.9917,
            "n_pairs": 16,
            "verdict": verdict,
            "metric": metric,
            "unit": found.unit if found else "nats",
            "split": "test",
            "lower_is_better": found.lower_is_better if found else True,
            "factor": factor,
            "control": "bce",
            "treated": "mse",
            "differences": differences,
            "p": 0.0004,
            "p_sign_flip": 0.0006,
            "method": "Student t",
            "smallest_effect": found.smallest_effect if found else None,
            "family": 6,
            "says": says,
            **more,
        }
    )


def put_on_trial(text, verdict, because, *, stated=(), instead=(), parts=None, about=""):
    parts = parts or (Contrast(treated={"loss": "mse"}, control={}),)
    return Judgement(Claim(text=text, stated=parts, about=about), verdict, because, stated=stated, instead=instead)


def fake_judgements():
    gap = Contrast(metric="log_loss", split="validation", control_split="train", expect="equivalent")
    bound = Bound(metric="log_loss", value=0.05, within=0.02, says="because of 5 % label noise")
    nothing = float("nan")
    blank = {"low": nothing, "high": nothing, "differences": (nothing,) * 16, "n_pairs": 0, "p": nothing}
    advice = "about 60 replicates would show a difference of 0.01 nats (power 80 %)"
    decay = {"factor": "optimizer.coupled_weight_decay", "control": "0.0", "treated": "0.01"}
    beyond = {"factor": "data.rows beyond model.hidden", "control": "5 → 10", "treated": "1000 → 1500"}
    between = {"factor": "split", "control": "train", "treated": "validation", "split": "validation − train"}
    return (
        put_on_trial(
            "MSE showed 71 % improvement over BCE.",
            "not comparable",
            "Log loss is measured in nats and squared error in squared probability. A number in one unit is not "
            "larger or smaller than a number in another.",
            about="The two notebooks report losses of 0.1722 and 0.6190.",
            instead=(
                fake_effect(0.0042, "equivalent", says="MSE instead of BCE, all else as in notebook 2", spread=0.006),
                fake_effect(-0.0011, "equivalent", seed=1, metric="brier", spread=0.003, says="the same, Brier score"),
            ),
        ),
        put_on_trial(
            "L2 hurt: 0.67 against 0.17.",
            "confounded",
            "Four factors differ at once: the loss, the data, the width and the weight decay.",
            instead=(fake_effect(0.131, "worse", seed=2, says="L2 0.01 instead of none", **decay),),
        ),
        put_on_trial(
            "The theoretical minimum loss is about 0.05, because of 5 % label noise.",
            "refuted",
            "The best log loss possible is 0.19852 nats; the claim says 0.05.",
            parts=(bound,),
        ),
        put_on_trial(
            "More data beats architecture: 800→1,200 training rows had more impact than doubling the parameters.",
            "undecided",
            "The interval of the difference holds both signs.",
            stated=(fake_effect(-0.006, "undecided", seed=3, spread=0.03, notes=(advice,), **beyond),),
        ),
        put_on_trial(
            "Perfect convergence: a train–validation gap of 0.0005.",
            "refuted",
            "The gap is ten times larger.",
            parts=(gap,),
            stated=(fake_effect(0.021, "worse", seed=4, says="validation against train", **between),),
        ),
        put_on_trial(
            HOSTILE,
            "undecided",
            HOSTILE,
            about=HOSTILE,
            stated=(fake_effect(nothing, "undecided", says=HOSTILE, notes=(HOSTILE,), **blank),),
        ),
        put_on_trial(
            "Regularisation is medicine: it hurts where overfitting is absent and helps where it is present.",
            "supported",
            "It hurts in the small network and helps in the large one that was trained four times as long.",
            stated=(
                fake_effect(0.12, "worse", seed=5, says="L2 in a small network"),
                fake_effect(-0.08, "better", seed=6, spread=0.05, says="L2 in a network of 32 units, 6,000 epochs"),
            ),
        ),
        put_on_trial(
            "The comparison of the three notebooks as they stand shows which choice caused the improvement.",
            "confounded",
            "Four factors were changed at once.",
        ),
    )


def fake_effects():
    rows = (
        ("optimizer.coupled_weight_decay", 0.12, "worse"),
        ("data.rows", -0.04, "better"),
        ("loss", 0.001, "equivalent"),
        ("model.hidden", -0.012, "undecided"),
        (HOSTILE, 0.002, "undecided"),
        ("optimizer.learning_rate", 0.03, "worse"),
    )
    return tuple(
        fake_effect(mean, verdict, seed=i, metric=metric, factor=factor, spread=0.004 if i == 2 else 0.03)
        for metric in ("log_loss", "brier", "accuracy")
        for i, (factor, mean, verdict) in enumerate(rows)
    )


SHARES = (
    ("loss", 0.02),
    ("model.hidden", 0.48),
    ("loss × model.hidden", 0.03),
    ("replicate", 0.31),
    ("residual", 0.16),
)


def fake_study(*, replicates=16, labels=LABELS, **more):
    judgements = fake_judgements()
    plan = Plan(
        name="journey",
        title="Three notebooks, one controlled study",
        about="A learner trained one small network in each of three notebooks and compared the final losses. Here "
        "every comparison is made again, on many replicates, one change at a time, on scores that can be compared.",
        base=BASE,
        claims=tuple(judgement.claim for judgement in judgements),
        metric="log_loss",
        replicates=replicates,
    )
    nothing = float("nan")
    found = {
        "plan": plan,
        "arms": tuple(Arm(label, {"model.hidden": (i,), "loss": "bce"}, BASE) for i, label in enumerate(labels)),
        "runs": {label: tuple(fake_run(i, r) for r in range(replicates)) for i, label in enumerate(labels)},
        "limits": dict.fromkeys(labels, LIMITS),
        "effects": fake_effects(),
        "judgements": judgements,
        "variance": tuple(
            VarianceShare("log_loss", term, share, 1, *((nothing, nothing) if term[:2] == "re" else (12.3, 0.0001)))
            for term, share in SHARES
        ),
        "notes": ("6 of 16 runs of 'learning rate 3' diverged.", f"A note with {HOSTILE}"),
        "provenance": {"engine": "loop", "workers": 2, "torch": "2.13.0+cpu", "etude": "0.1.0", "seconds": 412.3},
    }
    return StudyResult(**{**found, **more})


def fake_mistakes(r, channels):
    """Ten classes of which 4 and 9 are mixed up, and twelve pictures of a slanted stroke each."""
    rng = np.random.default_rng(r)
    counts = rng.poisson(0.6, (10, 10)) + np.diag(rng.integers(90, 99, 10))
    counts[4, 9] += 9
    across, down = np.meshgrid(np.arange(28), np.arange(28))
    slants = rng.uniform(-1, 1, (12, channels, 1, 1))
    strokes = 255 * np.exp(-((across - 14 - slants * (down - 14)) ** 2) / 8) * (np.abs(down - 14) < 10)
    truth = rng.integers(0, 10, 12)
    return {
        "confusion/test": counts,
        "mistakes/images": strokes.astype(np.uint8),
        "mistakes/truth": truth,
        "mistakes/said": (truth + rng.integers(1, 10, 12)) % 10,
        "mistakes/p": np.linspace(0.99999, 0.62, 12).astype(np.float32),
    }


def fake_study_on_images(arms, *, channels=1, **more):
    """Runs that kept their confusion matrix and their worst mistakes."""
    labels = (HOSTILE, *(f"arm {i}" for i in range(1, arms)))
    made = fake_study(replicates=3, labels=labels, effects=fake_effects()[:2], **more)
    base = BASE.model_copy(update={"data": Bundled(bundled="digits")})
    runs = {
        label: tuple(dataclasses.replace(run, arrays=fake_mistakes(run.replicate, channels)) for run in runs)
        for label, runs in made.runs.items()
    }
    arms_on_images = tuple(dataclasses.replace(arm, recipe=base) for arm in made.arms)
    return dataclasses.replace(made, arms=arms_on_images, runs=runs)


class Reader(html.parser.HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, page):
        """Read the whole page."""
        super().__init__(convert_charrefs=True)
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Keep one tag."""
        self.found.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag


@pytest.fixture(scope="module")
def journey():
    return fake_study()


@pytest.fixture(scope="module")
def page(journey):
    return report_html(journey, command=f"etude run journey --seed 0 # {HOSTILE}")


@pytest.fixture(scope="module")
def tags(page):
    return Reader(page).found


def test_the_policy_allows_the_pages_own_style_and_nothing_else(page):
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    parts = html.unescape(policy).split("; ")
    assert parts[:3] == ["default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:"]


def test_the_page_needs_no_script_no_style_attribute_and_no_network(page, tags):
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in tags}
    for _, attributes in tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,"))
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in page
    assert "@import" not in page


def test_every_word_of_the_user_is_escaped(page):
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(") > 30
    assert page.count("</style>") == 1


def pictures_of(page):
    """Every outermost SVG of the page, nested ones inside it."""
    depth, start = 0, 0
    for tag in re.finditer(r"<svg\b[^>]*?(/?)>|</svg>", page):
        if tag[0] == "</svg>":
            depth -= 1
            if depth == 0:
                yield page[start : tag.end()]
        elif not tag[1]:
            start = tag.start() if depth == 0 else start
            depth += 1


def test_every_picture_is_well_formed_and_has_a_name_and_a_description(page):
    whole = [ET.fromstring(picture) for picture in pictures_of(page)]
    spoken = [picture for picture in whole if picture.get("aria-hidden") != "true"]
    assert len(spoken) > 200
    for picture in spoken:
        assert picture.get("role") == "img"
        assert [child.tag.rpartition("}")[2] for child in picture][:2] == ["title", "desc"]
        assert all(child.text for child in picture[:2])


def test_the_claims_come_first_with_their_verdicts(page):
    assert page.index('id="claims"') < page.index('id="effects"') < page.index('id="curves"')
    tally = re.search(r'<ul class="tally".*?</ul>', page, re.DOTALL)[0]
    assert re.findall(r"<b>(\d)</b> ([a-z ]+)", tally) == [
        ("1", "supported"),
        ("2", "refuted"),
        ("1", "not comparable"),
        ("2", "confounded"),
        ("2", "undecided"),
    ]


def test_the_first_screen_leads_from_each_claim_to_its_card(page):
    glance = re.search(r'<table class="glance">.*?</table>', page, re.DOTALL)[0]
    assert page.index(glance) < page.index('id="claims"')
    assert re.findall(r'href="#(claim-\d)"', glance) == [f"claim-{place}" for place in range(1, 9)]
    assert all(f'id="claim-{place}"' in page for place in range(1, 9))
    assert "<b>0.199 nats</b> <span>(claimed: 0.05)</span>" in glance
    assert "a fair comparison: log loss, L2 0.01 instead of none: worse" in glance


def test_without_claims_the_first_screen_shows_the_effects():
    page = report_html(fake_study(replicates=2, labels=LABELS[:2], judgements=()), command="etude run x")
    glance = re.search(r'<table class="glance">.*?</table>', page, re.DOTALL)[0]
    assert glance.count('href="#effects"') == 6
    assert "What each factor does to the log loss at a glance" in glance


def test_every_link_inside_the_page_leads_somewhere(tags):
    anchors = {attributes["id"] for _, attributes in tags if "id" in attributes}
    links = {attributes["href"].removeprefix("#") for tag, attributes in tags if tag == "a"}
    assert links <= anchors


def test_a_gap_is_worded_as_a_gap(page):
    assert "Gap in log loss (nats): validation minus train, of the same runs" in page
    assert "<strong>worse</strong> on validation than on train" in page
    assert "split: " not in page


def test_two_changes_are_worded_as_one_beyond_the_other(page):
    assert "rows: 1,500 against 1,000, beyond hidden units: 10 against 5" in page
    assert "favours hidden units →" in page


def test_a_reader_can_work_out_an_interval_from_the_page():
    # differences 1, 2, 3: mean 2, standard deviation 1, and Student's t with 2 degrees of freedom in closed form
    half = 0.95 * np.sqrt(2 / (4 * 0.975 * 0.025)) / np.sqrt(3)
    effect = fake_effect(2.0, "undecided", low=2 - half, high=2 + half, level=0.95, n_pairs=3, differences=(1, 2, 3))
    page = report_html(fake_study(replicates=2, labels=LABELS[:1], effects=(effect,)), command="etude run x")
    section = page[page.index('id="effects"') :]
    row = re.search(r"<tbody>\s*<tr><th.*?</tr>", section, re.DOTALL)[0]
    mean, interval, level, pairs, deviation = re.findall(r'<td class="n">(.*?)</td>', row)[:5]
    assert re.search(r"replicate by replicate: (.*?)</p>", section)[1] == "1.00, 2.00, 3.00"
    reach = stats.t.ppf((1 + float(level)) / 2, int(pairs) - 1) * float(deviation) / np.sqrt(int(pairs))
    ends = [float(end.replace("−", "-")) for end in interval.split(" to ")]
    assert ends == pytest.approx([float(mean) - reach, float(mean) + reach], abs=0.005)


def test_the_scores_behind_every_difference_are_in_the_table_of_runs(journey, page):
    table = page[page.index('<table class="runs">') :]
    score = journey.runs[LABELS[0]][0].score("log_loss", "test")
    assert f"<td>{score:.5f}" in table


def test_an_arm_far_from_the_others_has_a_scale_of_its_own():
    labels = ("one", "two", "three", "odd")
    study = fake_study(replicates=2, labels=labels, judgements=(), effects=(), variance=())
    far = tuple(
        dataclasses.replace(
            run, curves={name: curve(name, c.steps, 40 * c.values, unit=c.unit) for name, c in run.curves.items()}
        )
        for run in study.runs["odd"]
    )
    page = report_html(dataclasses.replace(study, runs={**study.runs, "odd": far}), command="etude run x")
    assert "<bdi>odd</bdi><small><b>own scale</b>" in page
    assert "<bdi>one</bdi><small><b>own scale</b>" not in page
    assert "off the scale →" in page


def test_the_table_of_arms_marks_what_differs_from_the_base(page):
    table = re.search(r"<summary>The arms</summary>.*?</table>", page, re.DOTALL)[0]
    assert '<th scope="col" class="n">hidden units</th>' in table
    assert "<td><b><bdi>7</bdi></b><td><bdi>BCE</bdi>" in table


def test_the_table_of_arms_has_the_mean_of_every_arm(journey, page):
    table = re.search(r"<summary>The arms</summary>.*?</table>", page, re.DOTALL)[0]
    scores = [run.score("log_loss", "test") for run in journey.runs[LABELS[0]]]
    assert f"<td>{np.mean(scores):.4f}".rstrip("0") in table
    assert f"<td>{np.std(scores, ddof=1):.5f}".rstrip("0") in table


def test_an_undecided_effect_is_never_called_the_same(page):
    words = re.sub(r"<[^>]*>", " ", page)
    assert "no significant difference" not in words
    assert "does not mean that the two sides are the same" in words


def test_nineteen_arms_of_sixteen_replicates_stay_under_a_megabyte(page):
    assert len(page.encode()) < 1_000_000


def test_a_typical_study_stays_under_300_kilobytes():
    small = fake_study(replicates=10, labels=LABELS[:4], effects=fake_effects()[:8], judgements=fake_judgements()[:3])
    assert len(report_html(small, command="etude run study.toml").encode()) < 300_000


@pytest.fixture(scope="module")
def images():
    return fake_study_on_images(5)


@pytest.fixture(scope="module")
def mistakes(images):
    """The section of what is taken for what."""
    page = report_html(images, command="etude run images.toml")
    return re.search(r'<section id="mistakes">.*?</section>', page, re.DOTALL)[0]


def test_runs_without_a_confusion_matrix_have_no_section_of_mistakes(page):
    assert 'id="mistakes"' not in page
    assert "#mistakes" not in page


def test_every_arm_has_its_confusions_and_its_worst_mistakes_and_the_fourth_is_folded(mistakes):
    shown, folded = mistakes.split('<details class="more"><summary>2 more arms</summary>')
    for part, arms in ((shown, 3), (folded, 2)):
        assert len(re.findall(r'<svg [^>]*class="confusion"', part)) == arms
        assert part.count('<ul class="mistakes">') == arms
        assert part.count("<img ") == 12 * arms
    assert "4 taken for 9: " in shown


def test_the_answers_of_all_replicates_are_added_up(images, mistakes):
    counts = sum(run.arrays["confusion/test"] for run in images.runs["arm 1"])
    right = np.trace(counts) / counts.sum()
    assert f"<bdi>arm 1</bdi><small>{100 * right:.1f} % of {counts.sum():,} answers right, 3 replicates" in mistakes
    table = re.search(r'<table class="counts">.*?</table>', mistakes, re.DOTALL)[0]
    assert "".join(f"<td>{count}" for count in counts[4]) in table


def test_the_names_of_the_classes_are_those_of_the_data_or_else_their_numbers(images):
    iris = BASE.model_copy(update={"data": Bundled(bundled="iris")})
    gone = BASE.model_copy(update={"data": Table(table="gone.csv", target="y")})
    first, second, *rest = images.arms
    runs = tuple(
        dataclasses.replace(run, arrays={"confusion/test": np.array([[9, 1, 0], [0, 9, 0], [0, 2, 8]])})
        for run in images.runs[first.label]
    )
    arms = (dataclasses.replace(first, recipe=iris), dataclasses.replace(second, recipe=gone), *rest)
    study = dataclasses.replace(images, arms=arms, runs={**images.runs, first.label: runs})
    page = report_html(study, command="etude run x")
    assert "virginica taken for versicolor: 20.0 % of class virginica" in page
    assert "<bdi>arm 1</bdi><small>" in page


def test_of_an_arm_that_diverged_no_mistakes_are_told(images):
    label = images.arms[0].label
    lost = tuple(dataclasses.replace(run, ended="diverged") for run in images.runs[label])
    page = report_html(dataclasses.replace(images, runs={**images.runs, label: lost}), command="etude run x")
    assert len(re.findall(r'<svg [^>]*class="confusion"', page)) == 4


def test_more_than_thirty_classes_have_a_table_of_their_confusions_and_no_picture(images):
    counts = {"confusion/test": np.ones((40, 40), dtype=np.int64)}
    runs = {
        label: tuple(dataclasses.replace(run, arrays=counts) for run in runs) for label, runs in images.runs.items()
    }
    page = report_html(dataclasses.replace(images, runs=runs), command="etude run x")
    assert "The 15 most frequent confusions among 40 classes" in page
    assert 'class="confusion' not in page


def test_pictures_of_mistakes_are_named_closed_and_escaped_like_the_rest_of_the_page(images):
    page = report_html(images, command="etude run x")
    tags = Reader(page).found
    assert "<script" not in page
    assert not any("style" in attributes for _, attributes in tags)
    pictures = [attributes for tag, attributes in tags if tag == "img"]
    assert all(found["src"].startswith("data:image/png;base64,") and found["alt"] for found in pictures)
    for picture in pictures_of(page):
        ET.fromstring(picture)


def test_pictures_of_many_arms_are_fewer_so_that_they_stay_under_two_hundred_kilobytes():
    page = report_html(fake_study_on_images(20, channels=3), command="etude run x")
    found = re.findall(r'src="(data:image/png[^"]*)"', page)
    assert len(found) == 20 * 3  # 150,000 values / 20 arms / 2,352 of an image
    assert sum(map(len, found)) < 200_000


def test_the_images_are_shown_before_what_is_taken_for_what_and_once_for_all_arms(images):
    rng = np.random.default_rng(0)
    kept = {
        "examples/images": rng.integers(0, 256, (10, 1, 28, 28), dtype=np.uint8),
        "examples/truth": np.arange(10),
        "examples/said": np.array([0, 1, 2, 3, 4, 6, 6, 7, 8, 9]),
        "examples/p": np.full(10, 0.9, dtype=np.float32),
    }
    runs = {
        label: tuple(dataclasses.replace(run, arrays={**run.arrays, **kept}) for run in runs)
        for label, runs in images.runs.items()
    }
    page = report_html(dataclasses.replace(images, runs=runs), command="etude run x")
    assert page.count('id="examples"') == page.count('href="#examples"') == 1
    assert page.index('id="examples"') < page.index('id="mistakes"')
    section = re.search(r'<section id="examples">.*?</section>', page, re.DOTALL)[0]
    assert section.count("<img ") == 10
    assert "<bdi>&lt;script&gt;" in section
    assert re.findall(r'<li class="wrong">.*?/>(.*?)</li>', section) == ["is a 5, said 6 with 90 %"]
    assert len(section) < 20_000


def test_runs_of_an_older_etude_make_a_report_without_examples_attention_or_memory(images, mistakes, page):
    older = report_html(images, command="etude run x")
    assert mistakes in older
    for part in ("examples", "attention", "horizon"):
        assert f'"{part}"' not in older + page
        assert f"#{part}" not in older + page


def fake_attention(r, *, causal=False, codes=False, cells=9):
    """Three examples in two layers of two heads, the second of them shorter."""
    weights = np.random.default_rng(r).random((3, 2, 2, cells, cells)) + 0.01
    weights[1, ..., cells - 2 :] = weights[1, ..., cells - 2 :, :] = 0
    weights = np.tril(weights) if causal else weights
    arrays = {
        "attention/maps": (weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)).astype(np.float16),
        "attention/each": np.array(1),
        "attention/cells": np.array([cells, cells - 2, cells]),
        "attention/truth": np.full((3, cells), 2.0) if causal else np.array([0.0, 1.0, 2.0]),
        "attention/said": np.zeros((3, cells)) if causal else np.array([0.0, 1.0, 1.0]),
    }
    return {**arrays, **({"attention/codes": np.full((3, cells), 2)} if codes else {})}


def fake_study_of_attention(data, arms, **more):
    """The first replicate of every arm diverged, the others kept what they look at."""
    made = fake_study(replicates=3, labels=(HOSTILE, *(f"arm {i}" for i in range(1, arms))), judgements=())
    base = BASE.model_copy(update={"data": data})

    def kept(run):
        ended = "completed" if run.replicate else "diverged"
        return dataclasses.replace(run, arrays=fake_attention(run.replicate, **more), ended=ended)

    runs = {label: tuple(map(kept, runs)) for label, runs in made.runs.items()}
    return dataclasses.replace(made, arms=tuple(dataclasses.replace(a, recipe=base) for a in made.arms), runs=runs)


def attention_section(study):
    page = report_html(study, command="etude run x")
    assert page.count('href="#attention"') == 1
    for picture in pictures_of(page):
        ET.fromstring(picture)
    assert not any("style" in attributes for _, attributes in Reader(page).found)
    return re.search(r'<section id="attention">.*?</section>', page, re.DOTALL)[0]


def test_what_every_transformer_looks_at_is_shown_with_its_arm_and_the_run_that_finished():
    section = attention_section(fake_study_of_attention(Memory(memory="copy", symbols=3, length=9), 3))
    assert len(re.findall(r"</bdi> <span class=\"soft\">· replicate 1, 3 test examples", section)) == 3
    assert "<script" not in section
    shown, folded = section.split("<summary>1 more arm</summary>")
    for part, arms in ((shown, 2), (folded, 1)):
        assert len(re.findall(r'<svg xmlns[^>]*class="attention"', part)) == arms * 3 * 4
    assert "class 2, said 1" in shown
    assert "time steps away" in shown
    # |i - j| over all pairs of n is (n^3 - n) / 3: twice 240 and once 112, over 2 * 9 + 7 rows of 9, 9 and 7
    assert f"looking at all alike would be {(240 / 9 * 2 + 112 / 7) / 25:.1f}" in shown
    assert "not to be seen" not in section
    assert "<title>What layer 2, head 1 looks at</title>" in shown


def test_of_many_transformers_fewer_examples_are_shown():
    section = attention_section(fake_study_of_attention(Memory(memory="copy", symbols=3, length=9), 12))
    assert len(re.findall(r'<svg xmlns[^>]*class="attention"', section)) == 12 * 4


def test_of_a_text_the_characters_and_what_may_not_be_seen_are_shown(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("abc" * 400)
    section = attention_section(fake_study_of_attention(Text(text=str(file), length=9), 1, causal=True, codes=True))
    assert "“ccccccccc”, of the 9 that come next 0 said right" in section
    assert "not to be seen" in section
    assert section.count('class="unseen"') == 3 * 4 + 1  # and in the key


def test_where_the_text_is_gone_the_positions_have_numbers():
    gone = Text(text="gone.txt", length=9)
    section = attention_section(fake_study_of_attention(gone, 1, causal=True, codes=True))
    assert "of the 9 that come next 0 said right" in section
    assert "“c" not in section
    assert re.findall(r'<g [^>]*class="letters"><text[^>]*>(.)', section)[:2] == ["1", "1"]


@pytest.fixture(scope="module")
def attentive():
    return fake_study_of_attention(Memory(memory="copy", symbols=3, length=9), 3)


def memory_study(**vary):
    """A plain RNN remembers five steps, half of twenty and nothing of fifty, a GRU all."""
    base = Recipe(data={"memory": "copy", "length": 5}, model={"name": "recurrent"}, loss="cross_entropy", epochs=10)
    plan = Plan(base=base, vary=vary, replicates=3)
    arms = arms_of(plan)

    def run(arm, r):
        asked = (arm.recipe.model.cell, arm.recipe.data.length)
        score = {("rnn", 20): 0.5, ("rnn", 50): 0.125}.get(asked, 0.98) + 0.005 * (r - 1)
        curves = {
            f"{split}/{name}": curve(f"{split}/{name}", [0, 10], [value / 2, value], unit=METRICS[name].unit)
            for split in ("train", "validation", "test")
            for name, value in (("log_loss", 1 - score), ("accuracy", score))
        }
        return Run(f"replicate {r}", curves, "completed", 10, 10, recipe=arm.recipe, replicate=r)

    return conclude(plan, arms, {(arm.label, r): run(arm, r) for arm in arms for r in range(3)}, rule="fixed")


@pytest.fixture(scope="module")
def memory():
    return memory_study(**{"model.cell": ("rnn", "gru"), "data.length": (50, 5)})


def test_memory_is_shown_against_the_length_before_the_effects(memory):
    page = report_html(memory, command="etude run memory")
    assert page.count('id="horizon"') == page.count('href="#horizon"') == 1
    assert page.index('id="horizon"') < page.index('id="effects"')
    section = re.search(r'<section id="horizon">.*?</section>', page, re.DOTALL)[0]
    assert "Cell rnn is above chance up to length 5, but at 50 the interval, 11.3 % to 13.7 %, holds chance" in section
    assert (
        "Cell gru is above chance at every length, up to 50; it is near the best possible, 100 %, at every" in section
    )
    rows = re.findall(r"<tr>(.*?)(?=<tr>|</tbody>)", section.partition("<tbody>")[2] + "</tbody>", re.DOTALL)
    assert [re.findall(r'<td class="n">(.*?)(?=<td|$)', row)[0].strip() for row in rows] == ["5", "50"]


@pytest.mark.parametrize("order", [1, -1])
def test_the_horizon_of_a_factorial_has_its_own_numbers_whichever_factor_comes_first(order):
    factors = [("model.cell", ("rnn", "gru")), ("data.length", (50, 5, 20))]
    found = horizon_of(memory_study(**dict(factors[::order])))
    assert (found.by, found.lengths, [line.level for line in found.lines]) == ("cell", (5, 20, 50), ["rnn", "gru"])
    assert [[at.mean for at in line.waited] for line in found.lines] == [
        pytest.approx([0.98, 0.5, 0.125]),
        pytest.approx([0.98, 0.98, 0.98]),
    ]
    assert (found.lines[0].chance, found.lines[0].best) == (0.125, 1)


def test_a_study_in_which_the_length_stays_or_nothing_is_remembered_has_no_horizon(memory, factorial):
    assert horizon_of(factorial) is None
    fixed = memory.plan.model_copy(update={"vary": {"model.cell": ("rnn", "gru")}})
    assert horizon_of(dataclasses.replace(memory, plan=fixed)) is None


@pytest.fixture(scope="module")
def map_page(factorial):
    return report_html(factorial, command="etude run factorial.toml")


def test_a_factorial_is_told_from_the_whole_to_the_single(map_page):
    parts = re.findall(r'<section id="(\w+)"', map_page)
    assert parts[:6] == ["effects", "interactions", "map", "ranking", "variance", "scores"]
    assert parts == [href for href in re.findall(r'<a href="#(\w+)">[A-Z]', map_page) if href in parts][: len(parts)]


def test_the_interactions_that_were_found_are_drawn_and_the_others_folded(map_page):
    section = map_page[map_page.index('id="interactions"') : map_page.index('id="map"')]
    assert section.count('class="profiles"') == 1
    shown, folded = section.split('<details class="more">')
    assert shown.count('class="forest-row"') == 1
    assert "worse</strong> together than added up" in shown
    assert folded.count('class="forest-row"') == 2
    assert "These 3 questions are one family" in section


def test_no_interaction_is_drawn_as_a_main_effect(map_page):
    section = map_page[map_page.index('id="effects"') : map_page.index('id="interactions"')]
    assert section.count('class="forest-row"') == 2 * 7
    assert "together" not in section


def test_the_map_is_a_table_in_which_every_cell_has_its_number(map_page):
    table = re.search(r'<table class="heat">.*?</table>', map_page, re.DOTALL)[0]
    body = table[table.index("<tbody>") :]
    numbers = re.findall(r'<td class="s\d">(?:<b>▲ )?(\d\.\d+)', body)
    assert len(numbers) == 36
    assert len(re.findall("▲ ", body)) == 1
    assert body.count("<sup>") == 2
    assert re.findall(r'rowspan="(\d)"', body) == ["4"] * 3


def test_of_many_arms_only_those_that_somebody_named_have_panels(map_page):
    assert "Shown are 2 of 36 arms: those that somebody named or a claim compares" in map_page
    curves = map_page[map_page.index('id="curves"') : map_page.index('id="how"')]
    assert len(set(re.findall(r"<figcaption><bdi>(.*?)</bdi>", curves))) == 2
    table = re.search(r"<summary>The arms</summary>.*?</table>", map_page, re.DOTALL)[0]
    assert table.count('<th scope="row">') == 36
    assert "The runs of 2 arms of 36" in map_page


def test_a_page_of_a_factorial_is_as_closed_and_as_escaped_as_any(map_page):
    assert not {"script", "link", "iframe", "form"} & {tag for tag, _ in Reader(map_page).found}
    assert "<script" not in map_page
    assert not any("style" in attributes for _, attributes in Reader(map_page).found)
    anchors = {attributes["id"] for _, attributes in Reader(map_page).found if "id" in attributes}
    links = {attributes["href"].removeprefix("#") for tag, attributes in Reader(map_page).found if tag == "a"}
    assert links <= anchors
    for picture in pictures_of(map_page):
        ET.fromstring(picture)


def test_of_very_many_arms_without_a_name_the_neighbours_of_the_first_are_shown(factorial):
    nameless = factorial.plan.model_copy(update={"arms": {}})
    page = report_html(dataclasses.replace(factorial, plan=nameless), command="etude run x")
    assert "Shown are 8 of 36 arms: those that differ from the first in one factor at most" in page


def test_a_factorial_in_which_a_run_diverged_says_so_on_its_map(factorial):
    label = factorial.arms[-1].label
    first, *others = factorial.runs[label]
    lost = dataclasses.replace(first, ended="diverged")
    broken = dataclasses.replace(factorial, runs={**factorial.runs, label: (lost, *others)})
    assert "1 run diverged; the means are of the others." in report_html(broken, command="etude run x")


def test_where_points_are_short_fewer_replicates_are_drawn_not_coarser_ones(journey):
    twice = fake_study(replicates=32)
    page = report_html(twice, command="etude run x")
    assert "Thin lines are the first 16 replicates; median and band are of all." in page  # 18,000 points / 28 / 38


def test_the_same_result_gives_the_same_page(journey, page):
    assert report_html(journey, command=f"etude run journey --seed 0 # {HOSTILE}") == page


def test_a_study_of_one_arm_with_nothing_to_compare_still_makes_a_page():
    bare = fake_study(replicates=2, labels=("as it is",), effects=(), judgements=(), variance=(), notes=(), limits={})
    page = report_html(bare, command="etude run bare.toml")
    assert 'id="claims"' not in page
    assert 'id="effects"' not in page
    assert "as it is" in page


def test_an_arm_whose_runs_all_diverged_is_shown_as_such():
    from_the_start = {
        name: curve(name, [0, 100], [np.nan, np.inf], unit="nats") for name in ("train/log_loss", "test/log_loss")
    }
    gone = Run("replicate 0", MappingProxyType(from_the_start), ended="diverged", last_step=100, replicate=0)
    study = fake_study(replicates=2, labels=("good", "gone"))
    broken = fake_study(replicates=2, labels=("good", "gone"), runs={**study.runs, "gone": (gone, gone)})
    assert "2 of 2 runs diverged" in report_html(broken, command="etude run x")


def test_the_report_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    study = fake_study(replicates=2, labels=LABELS[:2])
    path = write_report(study, tmp_path / "made" / "report.html", command="etude run x")
    assert path.read_text(encoding="utf-8") == report_html(study, command="etude run x")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_an_unwritable_place_is_refused_and_an_older_report_is_kept(tmp_path):
    study = fake_study(replicates=2, labels=LABELS[:1])
    (tmp_path / "file").write_text("older")
    with pytest.raises(ReportError, match=r"cannot be written to .*report.html.*Every run of the study is kept"):
        write_report(study, tmp_path / "file" / "report.html", command="etude run x")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ReportError, match=r"cannot be written to .*folder.html"):
        write_report(study, tmp_path / "folder.html", command="etude run x")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.html"]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("study", ["journey", "factorial", "images", "attentive", "memory"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page_without_complaint_and_without_sideways_scrolling(
    browser, request, tmp_path, study, width, scheme
):
    path = write_report(request.getfixturevalue(study), tmp_path / "report.html", command="etude run journey")
    said, requested = [], []
    shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on(
        "request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    shown.goto(path.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    assert shown.evaluate("document.querySelector('.mark.worse').getBoundingClientRect().width") > 5
    assert said == []
    assert {address.partition(":")[0] for address in requested} <= {"file", "data"}
    shown.close()
