"""The settings as commands read them."""

from settings import Settings


def read_settings() -> Settings:
    """Read the environment.

    Raises: UsageError naming the first variable that can't be used.
    """
    return Settings()
