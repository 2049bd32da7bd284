from jaxtyping import Array

from vaejax import metrics
from vaejax.metrics import pixel_features
from vaejax.types import VAE, Key, Params

from ._codes import codes_of
from ._held import Held
from ._mapped import of_each, tried
from ._types import Measure


def dimension() -> Measure:
    """The intrinsic dimension of codes, and of the data, by the two nearest neighbours of each (`vj.metrics.two_nn`).

    >>> list(dimension().columns)
    ['dimension_codes', 'dimension_codes_se', 'dimension_data', 'dimension_data_se']
    """
    columns = {
        "dimension_codes": "intrinsic dimension of the codes of the held examples, two-NN; biased downwards",
        "dimension_codes_se": "standard error of dimension_codes; from sample to sample it may be twice as much",
        "dimension_data": "the same of the held examples themselves, the same for every member; upwards by noise",
        "dimension_data_se": "standard error of dimension_data",
    }
    return Measure("dimension", columns, of_each(_of_one))


def _of_one(key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    return {
        **tried(("dimension_codes", "dimension_codes_se"), lambda: metrics.two_nn(codes_of(model, params, held.test))),
        **tried(("dimension_data", "dimension_data_se"), lambda: metrics.two_nn(pixel_features(held.x))),
    }
