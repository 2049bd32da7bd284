"""What is measured: of a model and its parameters, in nats per example; of images; of two sets of features."""

from ._active_units import active_units as active_units
from ._classifier_features import Classifier as Classifier
from ._classifier_features import classifier_features as classifier_features
from ._density_coverage import DensityCoverage as DensityCoverage
from ._density_coverage import density_coverage as density_coverage
from ._features import Features as Features
from ._features import pca_features as pca_features
from ._features import pixel_features as pixel_features
from ._frechet_distance import frechet_distance as frechet_distance
from ._frechet_distance import frechet_of_moments as frechet_of_moments
from ._importance import BLOCK as BLOCK
from ._importance import Measured as Measured
from ._importance import importance as importance
from ._kernel_distance import KernelDistance as KernelDistance
from ._kernel_distance import kernel_distance as kernel_distance
from ._mean_squared_error import mean_squared_error as mean_squared_error
from ._precision_recall import PrecisionRecall as PrecisionRecall
from ._precision_recall import precision_recall as precision_recall
from ._psnr import psnr as psnr
from ._sharpness import sharpness as sharpness
from ._ssim import ssim as ssim
