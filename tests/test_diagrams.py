import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Circle

from odestack.diagrams import draw_block
from odestack.methods.catalogue import METHODS


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.mark.parametrize("tableau", METHODS.values(), ids=list(METHODS))
def test_every_coefficient_is_drawn_once(tableau, ax):
    draw_block(tableau, ax)
    drawn = [str(patch.get_gid()) for patch in ax.patches if isinstance(patch, Circle) and patch.get_gid()]
    method = tableau.reduced()
    expected = [f"a{i},{j}" for i, row in enumerate(method.A, 1) for j, a in enumerate(row, 1) if a != 0]
    expected += [f"b{j}" for j, b in enumerate(method.b, 1) if b != 0]
    assert sorted(drawn) == sorted(expected)


def test_coefficients_and_branches_are_named(ax):
    draw_block(METHODS["rk4"], ax)
    texts = [text.get_text() for text in ax.texts]
    assert [texts.count(t) for t in ("1/2", "1/6", "1/3", "1")] == [2, 2, 2, 1]
    assert {"$f_{1}$", "$f_{4}$", "ReLU"} <= set(texts)
    assert "$f_{5}$" not in texts


def test_unused_stages_are_not_drawn(ax):
    draw_block(METHODS["dormand_prince5"], ax)
    texts = [text.get_text() for text in ax.texts]
    assert "$f_{6}$" in texts
    assert "$f_{7}$" not in texts
