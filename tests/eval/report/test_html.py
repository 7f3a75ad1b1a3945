"""HTML page of an evaluation: complete, safe, and readable on any screen."""

import base64
import csv
import html
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.backtest.results import Evaluation
from eval.files.loader import read_rows
from eval.files.model_args import model_requests, rating_learners
from eval.files.results import FileEvaluation, FileTerms, SeenItems
from eval.files.run import evaluate_files
from eval.files.table import as_data
from eval.ratings.results import RatingEvaluation
from eval.ratings.run import evaluate_ratings
from eval.report.builders.backtest import build_report as build_backtest_report
from eval.report.builders.files import build_report
from eval.report.builders.provenance import run_id
from eval.report.builders.ratings import build_page as build_ratings_page
from eval.report.html import render_page
from eval.report.ranking_report import Exclusion, ReportTable
from recsys.cli.app import application
from recsys.progress import StepLog
from tests.eval.report.browser import looks_well, needs_browser

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
EVIL = "<script>alert('1')</script>"
METRICS = re.compile(
    r"\b(ndcg|precision|recall|map|mrr|auc|gini|coverage|novelty|diversity|stability|hit rate|hits?|lift|rmse|mae|"
    r"p-value|bootstrap)\b",
    re.IGNORECASE,
)
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


@dataclass
class Page(HTMLParser):
    """What a strict reader finds: tags that do not close, links, headings, ids, and the text of each part."""

    open: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: dict[str, str] = field(default_factory=lambda: {"first-page": "", "details": ""})
    unfolded: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not any(tag in ("style", "title") or is_closed_fold(tag, attributes) for tag, attributes in self.open):
            self.unfolded += f"{data} "
        for _, attributes in self.open:
            part = attributes.get("id")
            if part in self.text:
                self.text[part] += f"{data} "


def is_closed_fold(tag: str, attributes: dict[str, str | None]) -> bool:
    return tag == "details" and "open" not in attributes


def read(text: str) -> Page:
    page = Page(source=text)
    page.feed(text)
    page.close()
    return page


def evaluated(folder: Path, seen: SeenItems) -> FileEvaluation:
    """Even customers want even items; one item and the training file have names that must be escaped."""
    rng = np.random.default_rng(0)
    parts: dict[str, list[str]] = {"2020-01": [], "2020-03": []}
    for user in range(90):
        items = rng.permutation(np.arange(user % 2, 40, 2))[:12]
        had, later = items[: 4 + user % 5], items[9 if seen == "hide" else 2 : 12]
        for month, some in (("2020-01", had), ("2020-03", later)):
            parts[month] += [f"u{user},{EVIL if item == 3 else item},{month}-{1 + user % 28:02}" for item in some]
    files = []
    for month, name in (("2020-01", "tr<b>ain.csv"), ("2020-03", "test.csv")):
        files.append(folder / name)
        files[-1].write_text("\n".join(["customer,product,time", *parts[month], ",no customer,2020-01-01"]) + "\n")
    train, test = (read_rows(file, ()) for file in files)
    models = model_requests(["item_neighbours", "als:factors=4", "popularity"])
    return evaluate_files(train, test, models, FileTerms((5, 10), seen, 0), folder / "bundles", StepLog())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> FileEvaluation:
    return evaluated(tmp_path_factory.mktemp("kept"), "keep")


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> FileEvaluation:
    return evaluated(tmp_path_factory.mktemp("hidden"), "hide")


@pytest.fixture(scope="module")
def text(kept: FileEvaluation) -> str:
    return render_page(build_report(kept, NOW))


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> RatingEvaluation:
    """Even customers like even items; names that must be escaped."""
    folder, rng = tmp_path_factory.mktemp("rated"), np.random.default_rng(0)
    rows = [
        f"u{user},{EVIL if item == 3 else item},{5 - 3 * ((user + item) % 2) - rng.integers(0, 2)}"
        for user in range(90)
        for item in rng.permutation(30)[:12]
    ]
    files = folder / "tr<b>ain.csv", folder / "test.csv"
    for file, some in zip(files, (rows[::2], rows[1::2]), strict=True):
        file.write_text("\n".join(["user,item,rating", *some, ",nobody,3"]) + "\n")
    train, test = (read_rows(file, ()) for file in files)
    return evaluate_ratings(train, test, rating_learners(["item_knn", "user_knn"]), 0, StepLog())


@pytest.fixture(scope="module", params=["kept", "hidden", "shop", "rated"])
def any_page(request: pytest.FixtureRequest, shop_evaluation: Evaluation) -> Page:
    """The page of each kind of evaluation: what is promised of one holds for all."""
    if request.param == "shop":
        return read(render_page(build_backtest_report(shop_evaluation, NOW)))
    if request.param == "rated":
        return read(render_page(build_ratings_page(request.getfixturevalue("rated"), NOW)))
    return read(render_page(build_report(request.getfixturevalue(request.param), NOW)))


def test_every_tag_is_closed_where_it_was_opened(any_page: Page) -> None:
    assert any_page.faults == []
    assert any_page.open == []
    ids = [attributes["id"] for _, attributes in any_page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 5


def test_the_page_fetches_and_runs_nothing(any_page: Page) -> None:
    tags = any_page.tags
    assert {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "embed", "img", "base"} == set()
    named = [value for _, attributes in tags for key in ("src", "href", "action") if (value := attributes.get(key))]
    assert [value for value in named if not value.startswith(("#", "data:text/csv;", "data:application/json;"))] == []
    assert [key for _, attributes in tags for key in attributes if key.startswith("on")] == []
    assert re.findall(r"url\(|@import|https?:", any_page.source) == []


def test_the_contents_lead_to_every_heading_of_the_page(any_page: Page) -> None:
    ids = {attributes.get("id") for tag, attributes in any_page.tags if tag == "h2"}
    links = {(attributes.get("href") or "").removeprefix("#") for tag, attributes in any_page.tags if tag == "a"}
    assert {name for name in links if not name.startswith("data:")} == ids - {"verdicts", "warnings"}
    assert len(ids) > 5


def test_ratings_of_real_customers_stand_beside_what_was_predicted(rated: RatingEvaluation) -> None:
    named = replace(rated, names={item_id: f"Name of {item_id}" for item_id in rated.truth.frame["item_id"]})
    (section,) = [part for part in build_ratings_page(named, NOW).sections if part.name == "examples"]
    (table,) = section.parts
    assert isinstance(table, ReportTable)
    missed = [abs(float(mine) - float(given)) for _, mine, _, given in table.rows]
    assert missed == sorted(missed)
    assert len(missed) == 10
    assert all(str(row[0]).startswith("Name of ") for row in table.rows)


def test_tables_and_most_charts_are_folded_so_that_a_page_is_short(any_page: Page) -> None:
    tags = [tag for tag, _ in any_page.tags]
    assert tags.count("details") == tags.count("summary") > 8
    tables = [attributes for tag, attributes in any_page.tags if attributes.get("class") == "scroll"]
    assert len(tables) >= 3
    hints = [attributes for _, attributes in any_page.tags if str(attributes.get("class")).startswith("hint")]
    assert len(hints) == len(tables)
    assert len(any_page.unfolded.split()) < 700


def test_names_from_the_data_are_shown_and_never_run(kept: FileEvaluation) -> None:
    report = build_report(kept, NOW)
    odd = Exclusion(f"rows of {EVIL}", f"'{EVIL}'", 1, 2)
    lists = [replace(entry, title=f'{entry.title} "{EVIL}') for entry in report.lists]
    page = render_page(replace(report, exclusions=[odd], lists=lists, warnings=[EVIL], facts={EVIL: EVIL}))
    assert "<script" not in page
    assert html.unescape(page).count(EVIL) > 10
    assert read(page).faults == []
    assert "tr<b>ain.csv" in read(render_page(report)).text["first-page"]


def test_the_first_page_names_no_metric_and_the_second_explains_them(any_page: Page) -> None:
    assert METRICS.findall(any_page.text["first-page"]) == []
    lists = {"precision", "recall", "nDCG", "MAP", "MRR", "hit", "coverage", "Gini", "novelty"}
    named = set(METRICS.findall(any_page.text["details"]))
    assert lists <= named or {"RMSE", "MAE"} <= named


def test_the_first_page_tells_all_that_a_decision_needs(text: str) -> None:
    shown = read(text).text["first-page"]
    for part in (
        "Of 10 products on the personal list,",
        "The personal list is better: it finds",
        "more per list of 10 than the best-sellers.",
        "Lists of real customers",
        "Had before",
        "✓ bought",
        "Better than the best-sellers?",
        "Known to the customer and bought again",
        "By how much they had before",
        "products in the range",
        "What would change this conclusion",
        "2020-01-01 to 2020-01-28",
        "rows of test.csv: no user",
    ):
        assert part in shown


def test_where_what_was_had_is_hidden_nothing_is_said_of_known_things(hidden: FileEvaluation) -> None:
    assert "Known things" not in read(render_page(build_report(hidden, NOW))).text["first-page"]


def test_every_picture_has_words_and_headings_skip_no_level(any_page: Page) -> None:
    tags = any_page.tags
    pictures = [attributes for tag, attributes in tags if tag == "svg"]
    assert len(pictures) > 10
    assert [svg for svg in pictures if not (svg.get("aria-label") or svg.get("aria-hidden"))] == []
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert max(later - earlier for earlier, later in pairwise(levels)) == 1


def test_colours_can_be_told_from_the_paper_by_light_and_by_dark(text: str) -> None:
    blocks = re.findall(r":root \{([^}]*)\}", text)
    assert len(blocks) == 3
    for block in blocks:
        colour = dict(re.findall(r"--(\w+): #(\w{6})", block))
        for name, needed in (("ink", 7.0), ("soft", 4.5), ("ours", 4.5), ("baseline", 3.0), ("model", 3.0)):
            assert contrast(colour[name], colour["paper"]) >= needed, (name, block)
        assert contrast(colour["ink"], colour["panel"]) >= 7.0


def contrast(colour: str, other: str) -> float:
    """Of two colours, from 1 to 21.  WCAG 2.2, relative luminance."""
    light = sorted((luminance(colour), luminance(other)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_figures_come_with_the_page_as_csv_and_json(text: str, kept: FileEvaluation) -> None:
    sheet, data = (
        base64.b64decode(re.findall(rf'href="data:{kind};base64,([^"]*)"', text)[0])
        for kind in ("text/csv", "application/json")
    )
    rows = list(csv.DictReader(io.StringIO(sheet.decode())))
    for entry in kept.entries:
        (row,) = [row for row in rows if row["list"] == entry.name and row["name"] == "ndcg@10"]
        assert float(row["mean"]) == entry.metrics["ndcg@10"].mean
    payload = json.loads(data)
    assert payload["run"] in read(text).text["first-page"]
    assert len(payload["models"]) == len(kept.entries)


def test_settings_are_told_as_words_and_numbers(text: str) -> None:
    shown = read(text).text["details"]
    assert "factors 4" in shown
    assert re.findall(r"[{}\[\]]", shown) == []


def test_the_run_is_named_by_what_was_found_and_not_by_how_long_it_took(kept: FileEvaluation) -> None:
    data = as_data(kept)
    slower = {**data, "models": [{**model, "fit_seconds": 9.0} for model in data["models"]]}
    other = {**data, "models": data["models"][1:]}
    assert run_id(data) == run_id(slower) != run_id(other)


def test_what_is_found_known_and_new_adds_up_and_the_groups_cover_everybody(kept: FileEvaluation) -> None:
    report = build_report(kept, NOW)
    for entry in report.lists:
        assert entry.repeat_hits is not None
        assert entry.new_hits is not None
        assert entry.hits.mean == pytest.approx(entry.repeat_hits.mean + entry.new_hits.mean)
        assert entry.hits.mean == pytest.approx(10 * kept_mean(kept, entry.name, "precision@10"))
    by_activity = [group for group in report.groups if group.family == "By how much they had before"]
    assert report.n_groups_hidden or sum(group.lead.n_customers for group in by_activity) == report.n_customers
    mean = sum(group.ours.mean * group.lead.n_customers for group in by_activity) / report.n_customers
    assert report.n_groups_hidden or mean == pytest.approx(report.list_named(report.ours).hits.mean)


def kept_mean(evaluation: FileEvaluation, name: str, metric: str) -> float:
    return next(entry.metrics[metric].mean for entry in evaluation.entries if entry.name == name)


def test_the_command_writes_the_page_beside_the_same_run_as_json(tmp_path: Path) -> None:
    for name, rows in (("a.csv", "a,x\nb,x\nb,y\nc,z\n"), ("b.csv", "a,y\nc,x\n")):
        (tmp_path / name).write_text("user,item\n" + rows)
    (tmp_path / "items.csv").write_text("sku,title\nx,Old hat\ny,New hat\n")
    named = ("--items", str(tmp_path / "items.csv"), "--model", "popularity")
    files = ("--train", str(tmp_path / "a.csv"), "--test", str(tmp_path / "b.csv"), *named)
    outputs = ("--report", str(tmp_path / "page.html"), "--json", str(tmp_path / "all.json"))
    result = CliRunner().invoke(application(), ["--home", str(tmp_path / "home"), "evaluate", *files, *outputs])
    assert result.exit_code == 0, result.output
    page = read((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert json.loads((tmp_path / "all.json").read_bytes())["run"] in page.text["first-page"]
    assert "Then bought" in page.text["first-page"] or "Then took" in page.text["first-page"]
    assert "New hat" in page.text["first-page"]
    assert "2 customers are too few to judge by" in page.text["first-page"]
    assert (tmp_path / "page.html").stat().st_mode & 0o077 == 0  # it shows what customers bought


def test_a_page_is_written_even_where_only_strangers_came(tmp_path: Path) -> None:
    for name, rows in (("a.csv", "a,x,2020-01-01\nb,y,2020-01-09\n"), ("b.csv", "new,x,2020-02-01\n")):
        (tmp_path / name).write_text("user,item,time\n" + rows)
    train, test = (read_rows(tmp_path / name, ()) for name in ("a.csv", "b.csv"))
    terms = FileTerms((10,), "keep", 0)
    evaluation = evaluate_files(train, test, model_requests(["popularity"]), terms, tmp_path / "bundles", StepLog())
    shown = read(render_page(build_report(evaluation, NOW))).text["first-page"]
    assert "1 of 1 customers were unknown before" in shown
    assert "1 more group of fewer than 20 customers: not shown." in shown


@needs_browser
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_the_page_opens_in_a_browser_without_errors_overlaps_or_overflow(
    text: str,
    hidden: FileEvaluation,
    shop_evaluation: Evaluation,
    rated: RatingEvaluation,
    tmp_path: Path,
    scheme: str,
) -> None:
    pages = (
        text,
        render_page(build_report(hidden, NOW)),
        render_page(build_backtest_report(shop_evaluation, NOW)),
        render_page(build_ratings_page(rated, NOW)),
    )
    looks_well(pages, tmp_path, is_dark=scheme == "dark")
