"""Classical methods of the literature, to compare the model with. For benchmarks only.

```python
baselines = fit_baselines(train.batch(np.arange(len(train))))
predictions = baselines.predictions(test.batch(np.arange(len(test))), standards)
predictions["peak_latency"]["peak picking"]  # (N, 3, 2): what `NumberScore.keep` takes
```

- `picking`: waves I, III and V by peaks near where norms put them; there by a ratio of 3:1
- `correlating`: the threshold of an ear by the correlation of half-averages over level
- `guessing`: the threshold from one recording
- `hearing`: the class of hearing by logistic regression
- `denoising`: a band-pass, a Wiener filter, and the linear estimator of least mean square error

All are tuned on the training split. They need `pip install 'abr-curriculum[benchmarks]'`.
"""

from benchmarks.baselines.together import Baselines, fit_baselines

__all__ = ["Baselines", "fit_baselines"]
