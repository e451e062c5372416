"""For each rule, worlds in which its claim is right, wrong, and as nearly right as a false claim can be."""

from collections.abc import Callable
from typing import NamedTuple

from worlds import Arm

from odestack.claims import SMALLEST
from odestack.claims.rules import beyond, depth, rate, wiring
from odestack.claims.verdicts import Rule
from odestack.methods import catalogue
from odestack.studies import neural_ode

Truths = dict[str, Callable[[Arm], float]]


def order(arm: Arm) -> int:
    return catalogue.get(arm["scheme"]).order


def accuracy(of: Callable[[Arm], float]) -> Truths:
    return {"accuracy": of}


def psnr(gain: float) -> Truths:
    """Of RK4."""
    return {"psnr": lambda arm: gain * (order(arm) == 4)}


def loss(of: Callable[[Arm], float]) -> Truths:
    return {"early_loss": of}


def plain(arm: Arm) -> bool:
    return arm["scheme"] == "euler"


class Case(NamedTuple):
    """A study, a rule, a world in which the claim is right, one in which it is wrong, and one in which it is as nearly
    right as a false claim can be; None where arms are equal by chance only (see the test of failures)."""

    study: str
    rule: Rule
    right: Truths
    wrong: Truths
    null: Truths | None


def growth(rk4: float, others: float) -> Truths:
    return accuracy(lambda arm: (rk4 if order(arm) == 4 else others) * (arm["depth"] == 98))


def slow_and_large(arm: Arm) -> bool:
    return arm["lr"] == 0.8 and plain(arm)


def of_arms(names: tuple[str, ...], gain: float) -> Truths:
    return accuracy(lambda arm: gain * (arm["arm"] in names))


def nested(early: float, final: float) -> Truths:
    return loss(lambda arm: early * (" of " in arm["arm"])) | accuracy(lambda arm: final * (" of " in arm["arm"]))


def at_best_rate(gap: float) -> Truths:
    """Euler at depth 98 worse than at 50 by the gap at its best rate, 0.2, by three points at rate 0.1, and all five
    points worse at any other rate than the best."""

    def truth(arm: Arm) -> float:
        deep = plain(arm) and arm["depth"] == 98
        return -{0.1: 3.0, 0.2: gap}.get(arm["lr"], 0.0) * deep - 5 * (arm["lr"] != 0.2)

    return {"accuracy": truth, "held_out_accuracy": truth}


def above_order_1(further: float) -> Truths:
    """Order 2 gains a point over order 1, and higher orders a further gain over order 2."""
    return accuracy(lambda arm: float(not plain(arm)) + further * (order(arm) > 2))


def at_one_tolerance(gain: float) -> Truths:
    """Accuracy rises by the gain with every order of an adaptive solver, and is the same for equal steps."""
    return accuracy(lambda arm: gain * arm["order"] * (arm["tolerance"] == neural_ode.TOLERANCE))


def smoother(curvature: float, non_convex: float, eigenvalue: float) -> Truths:
    """What each number changes by with every order."""
    changes = {"curvature": curvature, "non_convex": non_convex, "normalised_eigenvalue": eigenvalue}
    return {outcome: lambda arm, change=change: change * order(arm) for outcome, change in changes.items()}


def equal(arm: Arm) -> float:
    return 0.0


CASES = {
    "C2, 58": Case(
        "headline",
        depth.degrades_to_58,
        accuracy(lambda arm: -1.0 * (plain(arm) and arm["depth"] == 58)),
        accuracy(lambda arm: arm["depth"] / 20),
        accuracy(equal),
    ),
    "C2, 98": Case(
        "depth_by_order",
        depth.degrades_to_98,
        accuracy(lambda arm: -1.0 * (plain(arm) and arm["depth"] == 98)),
        accuracy(lambda arm: arm["depth"] / 20),
        accuracy(equal),
    ),
    "C3": Case(
        "depth_by_order",
        depth.accuracy_rises_with_order,
        accuracy(lambda arm: 0.4 * order(arm)),
        accuracy(lambda arm: -0.1 * order(arm)),
        accuracy(lambda arm: 0.5 * order(arm) * (arm["depth"] == 98)),
    ),
    "C4": Case(
        "depth_by_order",
        depth.gap_grows_with_depth,
        accuracy(lambda arm: order(arm) * arm["depth"] / 100),
        accuracy(lambda arm: 1.0 * order(arm)),
        accuracy(equal),
    ),
    "C5": Case(
        "depth_by_order", depth.only_order_4_improves, growth(1.0, 0.0), growth(1.0, 1.0), growth(1.0, SMALLEST)
    ),
    "C6": Case(
        "learning_rate",
        rate.large_rate_slows_the_plain_stack,
        loss(lambda arm: 0.2 * slow_and_large(arm)),
        loss(lambda arm: 0.2 * (arm["lr"] == 0.8)),
        loss(lambda arm: 0.2 * (arm["lr"] == 0.8)),
    ),
    "C7": Case(
        "learning_rate",
        rate.only_the_plain_stack_fails,
        loss(lambda arm: 2.0 * (plain(arm) and arm["lr"] > 0.1)),
        loss(lambda arm: 2.0 * (not plain(arm) and arm["lr"] > 0.1)),
        None,
    ),
    "C8": Case(
        "downsampling",
        rate.downsampling_shifts_the_plain_stack,
        accuracy(lambda arm: -1.0 * (arm["downsample"] == "first") * (3 if plain(arm) else 1)),
        accuracy(lambda arm: -1.0 * (arm["downsample"] == "first") * (1 if plain(arm) else -1)),
        accuracy(lambda arm: 2.0 * (arm["downsample"] == "first") * (1 if plain(arm) else -1)),
    ),
    "C9": Case(
        "nesting", wiring.nesting_is_faster_at_first_only, nested(-0.2, 0.0), nested(-0.2, 1.0), nested(-0.2, SMALLEST)
    ),
    "C10": Case(
        "adaptive",
        wiring.no_error_driven_rule_gains,
        accuracy(lambda arm: -1.0 * (arm["rule"] == "step") + 2.0 * (arm["rule"] == "gate")),
        accuracy(lambda arm: 1.0 * (arm["rule"] == "blend" and arm["scheme"] == "fehlberg45")),
        accuracy(lambda arm: SMALLEST * (arm["rule"] == "blend" and arm["scheme"] == "fehlberg45")),
    ),
    "C11": Case(
        "ablation",
        wiring.damping_is_the_easiest_gain,
        of_arms(wiring.DAMPED, 1.0),
        of_arms((*wiring.DAMPED, *wiring.CHAINS), 1.0),
        of_arms((*wiring.DAMPED, *wiring.CHAINS), 1.0),
    ),
    "C12": Case(
        "methods",
        wiring.accuracy_rises_over_methods,
        accuracy(lambda arm: 0.5 * order(arm)),
        accuracy(lambda arm: -0.5 * order(arm)),
        accuracy(equal),
    ),
    "C13, U-Net": Case("unet", beyond.unet_gains, psnr(0.5), psnr(-0.1), psnr(0.0)),
    "C13, transformer": Case(
        "transformer",
        beyond.transformer_does_not,
        accuracy(equal),
        accuracy(lambda arm: 2.0 * (order(arm) == 4)),
        accuracy(lambda arm: SMALLEST * (order(arm) == 4)),
    ),
    "C14": Case(
        "reparameterisation", beyond.order_2_is_enough, above_order_1(0.0), above_order_1(1.0), above_order_1(SMALLEST)
    ),
    "C15": Case(
        "landscape",
        beyond.surfaces_get_smoother,
        smoother(-5.0, -5.0, -5.0),
        smoother(-5.0, -5.0, 5.0),
        smoother(-5.0, 0.0, -5.0),
    ),
    "C16": Case(
        "neural_ode",
        beyond.higher_order_gains_by_evaluations,
        at_one_tolerance(0.3),
        at_one_tolerance(-0.3),
        at_one_tolerance(0.0),
    ),
    "C17": Case(
        "branch_depth",
        wiring.two_or_three_layers_are_best,
        accuracy(lambda arm: 1.0 * (arm["branch"] in ("conv2", "conv3"))),
        accuracy(lambda arm: 1.0 * (arm["branch"] == "conv4")),
        accuracy(lambda arm: 1.0 * (arm["branch"] != "conv1")),
    ),
    "C18": Case(
        "headline",
        depth.gains_at_30_and_58,
        accuracy(lambda arm: 2.0 * (not plain(arm))),
        accuracy(lambda arm: 2.0 * (not plain(arm) and arm["depth"] == 30)),
        accuracy(lambda arm: 2.0 * (not plain(arm) and arm["depth"] == 30)),
    ),
    "C19": Case(
        "multistep", wiring.learnable_two_step_gains, of_arms(("lm",), 1.0), of_arms(("euler",), 1.0), accuracy(equal)
    ),
    "C20": Case("tuned", rate.tuning_cures_degradation, at_best_rate(-0.5), at_best_rate(2.0), at_best_rate(SMALLEST)),
    "C21": Case(
        "learning_rate",
        rate.very_deep_plain_stack_fails,
        loss(lambda arm: 0.5 * (plain(arm) and arm["depth"] == 194)),
        loss(lambda arm: 0.5 * (arm["depth"] == 194)),
        loss(lambda arm: 0.5 * (arm["depth"] == 194)),
    ),
}
