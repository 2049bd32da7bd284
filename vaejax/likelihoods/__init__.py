"""p(x | z): how probable the data are given what the decoder says. One file, one family."""

from ._bernoulli import bernoulli as bernoulli
from ._binomial import binomial as binomial
from ._categorical import categorical as categorical
from ._continuous_bernoulli import continuous_bernoulli as continuous_bernoulli
from ._discretized_logistic import discretized_logistic as discretized_logistic
from ._laplace import laplace as laplace
from ._laplace import learned_laplace as learned_laplace
from ._logistic_mixture import logistic_mixture as logistic_mixture
from ._negative_binomial import negative_binomial as negative_binomial
from ._negative_binomial import zero_inflated_negative_binomial as zero_inflated_negative_binomial
from ._normal import learned_normal as learned_normal
from ._normal import normal as normal
from ._normal import optimal_normal as optimal_normal
from ._poisson import poisson as poisson
from ._student_t import student_t as student_t
