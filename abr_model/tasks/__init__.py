"""The adapter: the ABR model and its six tasks, for the engine.

    task              what it learns                                           group
    signal            the recording without its noise (diffusion)              signal
    classification    normal, neuropathy, sensorineural, total, conductive     classification
    peak_existence    whether waves I, III and V are there                     peaks
    peak_latency      when they are, in ms                                     peaks
    peak_amplitude    how high they are, in µV                                 peaks
    threshold         the ear's threshold, in dB nHL                           threshold

The first reads the decoder, on a noised view; the others read the bottom of the encoder, on the
recording as observed.
"""

from abr_model.tasks.assembly import build, rebuild

__all__ = ["build", "rebuild"]
