"""Linear problems and how long a step may be."""

import numpy as np
import pytest

from odestack.methods import catalogue, spectra, stability


def test_eigenvalues_lie_where_the_problems_put_them() -> None:
    lie = spectra.PROBLEMS
    assert np.abs(np.imag(lie["heat equation"])).max() < 1e-12
    assert -4 < np.real(lie["heat equation"]).min() < np.real(lie["heat equation"]).max() < 0
    assert np.abs(lie["transport, upwind"] + 1) == pytest.approx(1.0)
    assert np.abs(np.real(lie["transport, central"])).max() < 1e-12
    assert np.abs(lie["transport, central"]).max() == pytest.approx(1.0)
    assert np.abs(lie["damped oscillator"]) == pytest.approx(1.0)
    assert np.real(lie["antisymmetric, damped"]) == pytest.approx(-0.05)


@pytest.mark.parametrize("name", ["euler", "rk4", "dormand_prince5"])
def test_the_longest_step_of_diffusion_is_the_real_interval(name: str) -> None:
    method, values = catalogue.get(name), spectra.PROBLEMS["heat equation"]
    exact = stability.real_interval(method) / np.abs(values).max()
    assert spectra.longest_step(method, values) == pytest.approx(exact, abs=0.002)


def test_upwind_transport_fits_eulers_disc_and_central_transport_never_does() -> None:
    euler = catalogue.get("euler")
    assert spectra.longest_step(euler, spectra.PROBLEMS["transport, upwind"]) == pytest.approx(1.0)
    assert spectra.longest_step(euler, spectra.PROBLEMS["transport, central"]) == 0.0
    rk4 = catalogue.get("rk4")
    assert spectra.longest_step(rk4, spectra.PROBLEMS["transport, central"]) == pytest.approx(2 * 2**0.5, abs=0.002)


def test_growing_solutions_set_no_limit() -> None:
    assert spectra.longest_step(catalogue.get("euler"), np.array([0.5, 1 + 1j]), limit=2.0) == 2.0


def test_amplified_components_are_those_outside_the_region() -> None:
    found = spectra.amplified(catalogue.get("euler"), np.array([-1.0, -2.0, -2.1, 0.1j]), 1.0)
    assert found.tolist() == [False, False, True, True]
