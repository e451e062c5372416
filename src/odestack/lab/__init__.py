"""Part III: running experiments and keeping their records."""
