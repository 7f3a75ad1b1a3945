"""The picture of cost against size says what was measured."""

from pathlib import Path
from xml.etree import ElementTree

from tests.bench.plot import BOTTOM, HEIGHT, TOP, drawn, write

SVG = "{http://www.w3.org/2000/svg}"


def test_every_size_has_its_point_and_its_cost_and_none_leaves_the_picture(tmp_path: Path) -> None:
    cost_by_size = {10_000: 8.25, 100_000: 9.5, 1_000_000: 31.0}
    write(tmp_path / "new" / "cost.svg", drawn(cost_by_size, title="cost", across="items", up="times"))
    picture = ElementTree.parse(tmp_path / "new" / "cost.svg").getroot()
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"8.25", "9.5", "31", "10,000", "1,000,000", "items", "times", "cost"} <= {*words}
    points = [(float(one.get("cx", "")), float(one.get("cy", ""))) for one in picture.iter(f"{SVG}circle")]
    assert len(points) == len(cost_by_size)
    assert points == sorted(points)  # to the right as sizes grow
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)  # and up as costs do
    assert all(TOP <= y <= HEIGHT - BOTTOM for _, y in points)
