"""Part II: numerical methods as stacks of residual branches."""
