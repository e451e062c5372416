"""Exact numbers: what a tableau entry may be, and how it is read."""

import ast
import math
import operator
from fractions import Fraction
from numbers import Rational

import sympy

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def exact(value: object) -> sympy.Expr:
    """Read one exact real number.

    Accepts integers, fractions, sympy numbers, and strings of integers, decimals, ``+ - * / ( )`` and ``sqrt``.
    A float is read as the decimal it prints as, so ``0.1`` is one tenth.

    Raises:
        ValueError: the value is not a finite real number.
    """
    number = None
    if isinstance(value, sympy.Expr):
        number = value
    elif isinstance(value, Rational) and not isinstance(value, bool):
        fraction = Fraction(value)
        number = sympy.Rational(fraction.numerator, fraction.denominator)
    elif isinstance(value, float) and math.isfinite(value):
        number = sympy.Rational(repr(float(value)))
    elif isinstance(value, str) and len(value) <= 200:
        try:
            number = _evaluate(ast.parse(value.strip(), mode="eval").body, value.strip())
        except (SyntaxError, RecursionError):
            number = None
    if number is None or not number.is_number or number.is_finite is not True or number.is_real is not True:
        raise ValueError(f"{value!r} is not an exact real number (write 1/3, 0.25 or (1+sqrt(2))/6)")
    return number if number.is_Rational else sympy.radsimp(sympy.expand(number))


def _evaluate(node: ast.expr, text: str) -> sympy.Expr | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        digits = (ast.get_source_segment(text, node) or "").replace("_", "")  # the value has lost all but 17
        vanished = node.value == 0 and any(digit in digits.lower().partition("e")[0] for digit in "123456789")
        return None if vanished or not math.isfinite(node.value) else sympy.Rational(digits)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return sympy.Integer(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = _evaluate(node.operand, text)
        return None if operand is None else -operand
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _evaluate(node.left, text), _evaluate(node.right, text)
        if left is None or right is None or (isinstance(node.op, ast.Div) and right.is_zero):
            return None
        return _OPERATORS[type(node.op)](left, right)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "sqrt"
        and len(node.args) == 1
    ):
        argument = _evaluate(node.args[0], text)
        return None if argument is None else sympy.sqrt(argument)
    return None
