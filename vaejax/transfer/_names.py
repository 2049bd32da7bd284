from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from vaejax.errors import VaejaxError


def fits(path: str, pattern: str) -> bool:
    """Whether a leaf has a name, lies below it, or fits it as a pattern.

    >>> fits("encoder/hidden_0/kernel", "encoder"), fits("encoder/hidden_0/kernel", "*/kernel"), fits("encoder", "enc")
    (True, True, False)
    """
    return path == pattern or path.startswith(f"{pattern}/") or fnmatchcase(path, pattern)


def require_all_fit(patterns: Iterable[str], paths: Iterable[str]) -> None:
    """Raises: VaejaxError where a pattern fits nothing: it would do nothing, and nobody would know."""
    paths = list(paths)
    for pattern in patterns:
        if not any(fits(path, pattern) for path in paths):
            raise VaejaxError(
                f"no parameter fits the name {pattern!r}: a name like 'encoder' stands for all below it, '*' for "
                f"anything; there are {', '.join(paths)}"
            )


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves by path as nested dicts.

    >>> nested({"decoder/output/bias": 1.0})
    {'decoder': {'output': {'bias': 1.0}}}
    """
    found: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *above, last = path.split("/")
        into = found
        for word in above:
            into = into.setdefault(word, {})
        into[last] = leaf
    return found
