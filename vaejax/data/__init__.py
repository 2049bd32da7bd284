"""Where examples come from: arrays, files and TFDS sources, and the view that makes `x` of a raw example on the device.

Raw examples stay as they are stored (uint8 where they can); a likelihood is only ever given values on which it is a
distribution, which `fitted` sees to.
"""

from ._arrays import arrays as arrays
from ._beside import few_labels as few_labels
from ._beside import missing_at_random as missing_at_random
from ._beside import one_hot_labels as one_hot_labels
from ._beside import with_context as with_context
from ._beside import with_observed as with_observed
from ._binarise import binarise_dynamic as binarise_dynamic
from ._binarise import binarise_threshold as binarise_threshold
from ._digest import digest as digest
from ._digits import digits as digits
from ._factors import FactorSpace as FactorSpace
from ._files import read_file as read_file
from ._fitted import fitted as fitted
from ._form import form_from as form_from
from ._form import form_of as form_of
from ._form import noted_form as noted_form
from ._grey import grey as grey
from ._linear_gaussian import Truth as Truth
from ._linear_gaussian import linear_gaussian as linear_gaussian
from ._load import load as load
from ._mnist import fashion_mnist as fashion_mnist
from ._mnist import mnist as mnist
from ._named import with_entry_names as with_entry_names
from ._records import in_records as in_records
from ._render import SHAPES as SHAPES
from ._render import render as render
from ._rows import Rows as Rows
from ._shapes import prepare_shapes as prepare_shapes
from ._shapes import shapes as shapes
from ._static import binarise_held_out as binarise_held_out
from ._static import binarise_static as binarise_static
from ._support import first_bad as first_bad
from ._support import holds as holds
from ._tfds import tfds as tfds
from ._types import Data as Data
from ._views import View as View
from ._views import as_floats as as_floats
from ._views import binarised as binarised
from ._views import dequantised as dequantised
from ._views import scaled as scaled
