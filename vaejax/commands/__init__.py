"""What each command of `vaejax` does. One file, one command."""

from ._bottleneck import Bottleneck as Bottleneck
from ._data import DataSet as DataSet
from ._doctor import Doctor as Doctor
from ._evaluate import Evaluate as Evaluate
from ._report import Report as Report
from ._sample import Sample as Sample
from ._sweep import Sweep as Sweep
from ._train import Train as Train
