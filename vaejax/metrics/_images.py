from jaxtyping import Array, Float

from vaejax.errors import VaejaxError


def require_alike(x: Float[Array, "..."], y: Float[Array, "..."]) -> None:
    """Refuse two arrays that would only be broadcast."""
    if x.shape != y.shape:
        raise VaejaxError(f"expected two arrays of one shape, got {x.shape} and {y.shape}")


def as_channels(image: Float[Array, "..."], least: int) -> Float[Array, "height width channels"]:
    """An image with its channels; refused where it is none, or has a side that is shorter than `least`."""
    if image.ndim not in (2, 3) or min(image.shape[:2]) < least:
        raise VaejaxError(
            f"expected one image, [height, width] or [height, width, channels], of at least {least} x {least} pixels, "
            f"got shape {image.shape}"
        )
    return image if image.ndim == 3 else image[..., None]
