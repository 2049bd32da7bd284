"""p(x | z): how probable the data are given what the decoder says. One file, one family."""

from ._bernoulli import bernoulli as bernoulli
from ._binomial import binomial as binomial
from ._continuous_bernoulli import continuous_bernoulli as continuous_bernoulli
from ._discretized_logistic import discretized_logistic as discretized_logistic
from ._normal import learned_normal as learned_normal
from ._normal import normal as normal
from ._normal import optimal_normal as optimal_normal
