"""beartype for jaxtyping, once for each signature: functions in factories are made anew with every model, and to write
and compile the check of one takes a millisecond."""

from collections.abc import Callable, Hashable
from typing import Any

from beartype import beartype

CHECKS: dict[Hashable, Callable[..., Any]] = {}


def checked(signature: Callable[..., Any]) -> Callable[..., Any]:
    """What jaxtyping gives is a function without a body, which stands for all others with its name and annotations."""
    code = signature.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    named = (signature.__module__, signature.__qualname__, names, len(signature.__defaults__ or ()))
    key = (*named, *signature.__annotations__.items())
    try:
        return CHECKS[key]
    except TypeError:  # an annotation that cannot be hashed
        return beartype(signature)
    except KeyError:
        return CHECKS.setdefault(key, beartype(signature))
