"""What every test runs with."""

from hypothesis import settings

# A deadline per example fails on a busy machine without saying anything about the code.
settings.register_profile("tallystick", deadline=None)
settings.load_profile("tallystick")
