"""Settings all tests share."""

from hypothesis import settings

settings.register_profile("etude", deadline=None)  # a shared machine's pauses are not our failures
settings.load_profile("etude")
