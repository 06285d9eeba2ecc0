"""The auditory brainstem response (ABR) model, its data and its tasks: the engine's first client.

For research. Not a medical device.
"""

__version__ = "0.1.0"
