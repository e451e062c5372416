"""The claims of the article, with the chapter that examines each and the rules that decide it."""

from odestack.claims.rules import beyond, depth, rate, wiring
from odestack.claims.verdicts import Claim

COST = "04_stacking"
DEPTH = "05_depth_and_order"
RATE = "06_learning_rate"
METHODS = "07_ten_methods"
WORKING = "08_what_is_working"
NESTING = "09_nesting_and_adaptive"
MULTISTEP = "10_multistep"
CONTINUOUS = "11_continuous_depth"
FOLDING = "12_reparameterisation"
DOWNSTREAM = "13_downstream"
SURFACES = "14_loss_surfaces"

CLAIMS = (
    Claim(
        "C1",
        "Re-wiring costs nothing: 2+2×24 = 2+4×12 = 2+8×6 layers, equal parameters and FLOPs",
        COST,
        counted=depth.equal_cost,
    ),
    Claim(
        "C2",
        "The plain stack degrades: 58 layers are worse than 30-odd at an unchanged rate",
        DEPTH,
        {"headline": depth.degrades_to_58, "depth_by_order": depth.degrades_to_98},
    ),
    Claim(
        "C3",
        "At sufficient depth, accuracy rises with order",
        DEPTH,
        {"depth_by_order": depth.accuracy_rises_with_order},
    ),
    Claim(
        "C4",
        "The gap is small when shallow and grows with depth",
        DEPTH,
        {"depth_by_order": depth.gap_grows_with_depth},
    ),
    Claim(
        "C5",
        "Around 100 layers only order 4 still improves; orders 2 and 3 stall",
        DEPTH,
        {"depth_by_order": depth.only_order_4_improves},
    ),
    Claim(
        "C6",
        "A large learning rate slows the early convergence of deep plain stacks, not of high-order ones",
        RATE,
        {"learning_rate": rate.large_rate_slows_the_plain_stack},
    ),
    Claim(
        "C7",
        "Where the plain stack's gradients explode, high-order stacks still train",
        RATE,
        {"learning_rate": rate.only_the_plain_stack_fails},
    ),
    Claim(
        "C8",
        "Moving the downsampling from the stem into the first branch shifts the plain stack a lot, high-order little",
        RATE,
        {"downsampling": rate.downsampling_shifts_the_plain_stack},
    ),
    Claim(
        "C9",
        "Nesting high-order blocks: faster at first, no difference at the end",
        NESTING,
        {"nesting": wiring.nesting_is_faster_at_first_only},
    ),
    Claim(
        "C10",
        "Coefficients steered by the embedded error: no good rule found",
        NESTING,
        {"adaptive": wiring.no_error_driven_rule_gains},
    ),
    Claim(
        "C11",
        "Damping by coefficients below 1 is the easiest visible gain for the plain stack",
        WORKING,
        {"ablation": wiring.damping_is_the_easiest_gain},
    ),
    Claim(
        "C12", "Over ten methods, accuracy grows with order", METHODS, {"methods": wiring.accuracy_rises_over_methods}
    ),
    Claim(
        "C13",
        "U-Net gains; transformers do not",
        DOWNSTREAM,
        {"unet": beyond.unet_gains, "transformer": beyond.transformer_does_not},
    ),
    Claim(
        "C14",
        "RepVGG gains from order 2, not from higher",
        FOLDING,
        {"reparameterisation": beyond.order_2_is_enough},
    ),
    Claim(
        "C15",
        "(conjecture) Loss surfaces get smoother with order",
        SURFACES,
        {"landscape": beyond.surfaces_get_smoother},
    ),
    Claim(
        "C16",
        "Neural ODE: at one tolerance a higher-order solver does better, at many more evaluations",
        CONTINUOUS,
        {"neural_ode": beyond.higher_order_gains_by_evaluations},
    ),
    Claim(
        "C17",
        "Two or three layers per branch are best; fewer or more are worse",
        WORKING,
        {"branch_depth": wiring.two_or_three_layers_are_best},
    ),
    Claim(
        "C18",
        "Order 4 gains "
        + " and ".join(f"{gain} points at {depth}" for depth, gain in depth.ARTICLE_GAINS.items())
        + " layers",
        DEPTH,
        {"headline": depth.gains_at_30_and_58},
    ),
    Claim(
        "C19",
        "LM-ResNet (linear multistep) is another fruit of the same view",
        MULTISTEP,
        {"multistep": wiring.learnable_two_step_gains},
    ),
    Claim(
        "C20",
        "Tuning the rate or training longer cures the plain stack's degradation",
        RATE,
        {"tuned": rate.tuning_cures_degradation},
    ),
    Claim(
        "C21",
        "A very deep plain stack fails; order 4 fails only later",
        RATE,
        {"learning_rate": rate.very_deep_plain_stack_fails},
    ),
)
"""All claims, in the article's order."""
