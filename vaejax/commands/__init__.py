"""What each command of `vaejax` does. One file, one command."""

from ._bottleneck import Bottleneck as Bottleneck
from ._data import DataSet as DataSet
from ._denoise import Denoise as Denoise
from ._doctor import Doctor as Doctor
from ._encode import Encode as Encode
from ._evaluate import Evaluate as Evaluate
from ._impute import Impute as Impute
from ._interpolate import Interpolate as Interpolate
from ._reconstruct import Reconstruct as Reconstruct
from ._report import Report as Report
from ._sample import Sample as Sample
from ._score import ScoreExamples as ScoreExamples
from ._sweep import Sweep as Sweep
from ._train import Train as Train
from ._transfer import Transfer as Transfer
