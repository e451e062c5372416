"""Part I: the mathematics of one-step and multistep methods. No torch here."""
