"""A plane in which the codes of examples can be seen."""

from __future__ import annotations

import numpy as np

from vaejax.report._portrait import Codes


def plane_of(codes: np.ndarray, rates: np.ndarray | None) -> Codes | None:
    """Codes `[example, number]` in two dimensions: against the rate, as they are, or along principal components.

    rates: of each example and latent, nats; `None` where they do not come per latent. A component points to where its
    largest entry is positive, so that equal codes give equal planes. `None` of fewer than two examples.

    >>> plane_of(np.array([[1.0, 2.0], [3.0, 5.0]]), None).points.tolist()
    [[1.0, 2.0], [3.0, 5.0]]
    >>> plane_of(np.diag([3.0, 2.0, 1.0]).repeat(2, axis=0) * np.tile([[1], [-1]], (3, 1)), None).title
    'the first two principal components of the codes: 93% of their variance'
    """
    codes = np.asarray(codes, float)
    if len(codes) < 2:
        return None
    if codes.shape[1] == 2:
        return Codes(codes, "the two latents")
    if codes.shape[1] == 1:
        if rates is None:
            return Codes(np.column_stack([codes[:, 0], np.zeros(len(codes))]), "the one latent, along a line")
        return Codes(np.column_stack([codes[:, 0], rates[:, 0]]), "the one latent, and upwards its rate (nats)")
    return _principal(codes)


def _principal(codes: np.ndarray) -> Codes:
    centred = codes - codes.mean(0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(1)])[:, None]
    total = (spread**2).sum()
    share = f": {(spread[:2] ** 2).sum() / total:.0%} of their variance" if total > 0 else ", which are all the same"
    return Codes(centred @ axes.T, f"the first two principal components of the codes{share}")
