"""The class of hearing from what was read of the waves, by logistic regression.

N recordings, K classes. Latencies, intervals, amplitudes and the level are what clinicians decide
by (Hall 2007); multinomial logistic regression with classes weighted as if they were equally
frequent is the usual statistical summary of that (King and Zeng 2001, "Logistic regression in rare
events data"). The penalty is chosen on the training split, with subjects kept together.
"""

from __future__ import annotations

import attrs
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from abr_model.data.recordings import CLASSES
from benchmarks.baselines.columns import Array, Columns, expected_ms
from benchmarks.baselines.picking import Picked

_PENALTIES = (0.01, 0.1, 1.0, 10.0)
_LEAST_LOG = -30.0


@attrs.frozen(eq=False)
class HearingClassifier:
    """Log probabilities of classes, as if all were equally frequent."""

    fitted: Pipeline
    penalty: float  # C of scikit-learn: the inverse of its strength

    def scores(self, columns: Columns, picked: Picked) -> Array:
        """(N, K); a class that training did not have is all but impossible."""
        found = np.full((len(columns["level_db"]), len(CLASSES)), _LEAST_LOG)
        log = self.fitted.predict_log_proba(features(columns, picked))
        found[:, self.fitted.classes_] = np.maximum(log, _LEAST_LOG)
        return found


def features(columns: Columns, picked: Picked) -> Array:
    """(N, 13) latencies off the norm, intervals, amplitudes, the ratio of V to I, level and age.

    Amplitudes are logarithms, since they span decades.
    """
    late_NW = picked.latency_ms - expected_ms(columns)
    first_N1 = picked.latency_ms[:, :1]
    amplitude_NW = np.log(np.maximum(picked.amplitude_uv, 1e-3))
    ratio_N = np.log(np.maximum(picked.ratio[:, 2], 1e-3))
    age_N = np.log1p(np.nan_to_num(columns["age_years"].astype(float), nan=30.0))
    level_N = columns["level_db"].astype(float)
    return np.column_stack(
        [
            late_NW,
            picked.latency_ms[:, 1:] - first_N1,
            amplitude_NW,
            amplitude_NW[:, 2] - amplitude_NW[:, 0],
            ratio_N,
            level_N,
            level_N * ratio_N,
            age_N,
        ]
    )


def fit_classifier(columns: Columns, picked: Picked) -> HearingClassifier:
    """Fitted to the recordings whose class is known, with the penalty that generalises best."""
    known = columns["hearing_class"] >= 0
    inputs, label = features(columns, picked)[known], columns["hearing_class"][known]
    folds = list(GroupKFold(4).split(inputs, label, columns["subject"][known]))

    def balanced_accuracy(penalty: float) -> float:
        said = np.empty_like(label)
        for fit, judge in folds:
            said[judge] = _model(penalty).fit(inputs[fit], label[fit]).predict(inputs[judge])
        return float(balanced_accuracy_score(label, said))

    penalty = max(_PENALTIES, key=balanced_accuracy)
    return HearingClassifier(_model(penalty).fit(inputs, label), penalty)


def _model(penalty: float) -> Pipeline:
    regression = LogisticRegression(C=penalty, class_weight="balanced", max_iter=2000)
    return make_pipeline(StandardScaler(), regression)
