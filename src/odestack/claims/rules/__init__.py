"""The rules: one function a claim and study.

Each takes the study's table, whole or partial, and returns directions, and the rows that they rest on. A run that
diverged counts as chance (``statistics.with_chance``). Effects of accuracy are in points, those of loss in nats.
Residual variance is pooled over the arms of those rows, which are compared within seeds; where scatter differs between
settings, a rule keeps those rows only that it compares.
"""
