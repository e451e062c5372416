"""The profiles, at which every study can be run."""

from odestack.lab.config import ConfigError, RunConfig

PROFILES: dict[str, RunConfig] = {
    "smoke": RunConfig(dataset="mini-cifar10", width=8, depth=26, batch=32, steps=4),
    "cpu": RunConfig(width=16, epochs=8),
    "gpu": RunConfig(width=64, epochs=40, precision="bf16"),
}
"""The base run of each profile, which studies vary. The cpu profile is fp32, so that its records have one key and can
be reproduced on every processor, and so that bf16 rounding of the state does not differ between methods."""


def profile_base(profile: str) -> RunConfig:
    """Raises ConfigError: no such profile."""
    if profile not in PROFILES:
        raise ConfigError(f"profile {profile!r} does not exist; choose one of {', '.join(PROFILES)}")
    return PROFILES[profile]
