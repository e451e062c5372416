"""The drawing of the package: from its import statements, and downwards."""

from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

from odestack.book import ROOT, architecture

FILES = {
    "low.py": '"""What is used."""',
    "middle/__init__.py": '"""In the middle.\n\nAnd more of it."""',
    "middle/one.py": "from fake import low",
    "middle/two.py": "def late():\n    import fake.low",
    "high.py": "from fake.low import name\nfrom .middle import one",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, code in FILES.items():
        file = tmp_path / "fake" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    return tmp_path / "fake"


def test_modules_with_their_sentence_and_what_they_import(package: Path) -> None:
    table = architecture.modules(package).set_index("module")
    assert table.loc["fake.middle", "sentence"] == "In the middle."
    assert table.loc["fake.middle.two", "imports"] == {"low"}
    assert table.loc["fake.high", "imports"] == {"low", "middle"}
    uses = architecture.uses(table.reset_index())
    assert list(uses.items()) == [("high", "middle (1), low (1)"), ("middle", "low (2)"), ("low", "")]


def test_arrows_that_follow_from_others_are_left_out(package: Path) -> None:
    _, ax = plt.subplots()
    architecture.draw(architecture.modules(package), ax)
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    plt.close()
    assert len(arrows) == 2, "high to middle, middle to low"


def test_a_circle_is_named(package: Path) -> None:
    (package / "low.py").write_text("import fake.high")
    with pytest.raises(ValueError, match=r"in a circle: .*high -> "):
        architecture.graph(architecture.modules(package))


def test_our_arrows_point_down_and_every_module_says_what_it_is() -> None:
    table = architecture.modules()
    parts = architecture.graph(table)
    levels = {part: level for part, (_, level) in architecture.places(parts).items()}
    assert all(levels[user] > levels[used] for user, used in parts.edges)
    assert len(set(architecture.places(parts).values())) == len(levels)
    assert table.loc[table["sentence"] == "", "module"].tolist() == []


def test_who_cannot_see_the_drawing_is_told_of_every_part() -> None:
    page = nbformat.read(ROOT / "notebooks" / "pages" / "architecture.ipynb", as_version=4)
    (alt,) = [cell.metadata.mystnb.image.alt for cell in page.cells if "mystnb" in cell.metadata]
    assert [part for part in architecture.modules()["part"].unique() if part not in alt] == []
