from streams.once.carrier import *  # noqa: F403
