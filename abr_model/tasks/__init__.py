"""The adapter: the ABR model and its six tasks, for the engine.

    signal            the recording without its noise (diffusion)    reads the decoder, on a noised
    view classification    hearing: normal, neuropathy, sensorineural, total loss, conductive
    peak_existence    are waves I, III and V there                    group `peaks` peak_latency
    when, in ms                                     group `peaks` peak_amplitude    how high, in µV
    group `peaks` threshold         the ear's threshold, in dB nHL

All but the first read the bottom of the encoder, on the recording as observed.
"""

from abr_model.tasks.assembly import build

__all__ = ["build"]
