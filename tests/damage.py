"""Ways to damage a file that more than one test uses."""


def overwrite(path, at, content):
    """Bytes in the middle of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)
