import functools

import jax
from jaxtyping import Array

from vaejax import metrics
from vaejax.numerics import require_count
from vaejax.types import VAE, Key, Number, Params

from ._codes import one_number_codes_of
from ._held import Held
from ._mapped import of_each, tried
from ._types import Measure


def disentanglement(num_votes: Number = 2048, num_test_votes: Number = 1024) -> Measure:
    """Codes beside the factors that the data were made of, by the measures of the field.

    num_votes, num_test_votes: of the FactorVAE score, and features of the beta-VAE score; others take 10,000 and 5,000.

    >>> list(disentanglement().columns)[:5]
    ['mig', 'sap', 'dci_disentanglement', 'dci_completeness', 'dci_informativeness']
    """
    votes = require_count("num_votes", num_votes), require_count("num_test_votes", num_test_votes)
    sizes = f"{votes[0]} votes learned from, {votes[1]} judged, groups of 64 from a table of training examples"
    columns = {
        "mig": "mutual information gap, 20 bins, training codes; a code that is a factor of more values than bins "
        "stays below 1",
        "sap": "gap of R^2 of a linear regression, training codes; undervalues a factor that goes round",
        "dci_disentanglement": "by boosted stumps, learned on training codes; compare with no other regressor's",
        "dci_completeness": "by the same",
        "dci_informativeness": "accuracy of the same on test codes; where it is low the other two say little",
        "modularity": "whether a latent knows one factor, 20 bins, training codes; noise scores anything",
        "factor_vae_score": f"{sizes}; chance is one over the number of factors",
        "beta_vae_score": f"{sizes} of pairs; chance is one over the number of factors, a rotation may score 1",
    }
    return Measure("disentanglement", columns, of_each(functools.partial(_of_one, votes)))


def _of_one(votes: tuple[int, int], key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    train_factors, factors = held.both_factors
    train, test = (one_number_codes_of(model, params, examples) for examples in (held.train, held.test))
    known, size = (train, train_factors), held.num_values
    factor_key, beta_key = jax.random.split(key)
    source = metrics.fixing(*known)
    three = ("dci_disentanglement", "dci_completeness", "dci_informativeness")
    return {
        **tried(("mig",), lambda: (metrics.mig(*known, size).score,)),
        **tried(("sap",), lambda: (metrics.sap(*known).score,)),
        **tried(three, lambda: metrics.dci(*known, test, factors, size)[:3]),
        **tried(("modularity",), lambda: (metrics.modularity(*known, size),)),
        **tried(("factor_vae_score",), lambda: (metrics.factor_vae_score(factor_key, source, *votes).accuracy,)),
        **tried(("beta_vae_score",), lambda: (metrics.beta_vae_score(beta_key, source, *votes).accuracy,)),
    }
