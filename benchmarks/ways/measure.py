"""The log likelihood of this library's grid, one member, image by image."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
from benchmarks.data import Bits
from benchmarks.engine import measure_of
from benchmarks.work import Work

CHECKED = 10  # images


def make(work: Work, bits: Bits) -> Way:
    """A line measures the first test images again."""
    measure = measure_of(work, bits)
    return Way(measure, lambda: -float(measure(CHECKED).mean()))


if __name__ == "__main__":
    serve(make)
