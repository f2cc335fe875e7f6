"""The streams that CPython's servers use as wsgi.input: io.BytesIO, and buffered readers of files and pipes."""

import _pyio
import hashlib
import io
import itertools
import os
import tempfile


class Buffered(io.BufferedReader):
    # CPython disagrees with itself: when the lines hold just as many bytes as the hint, io.BytesIO and _pyio read no
    # further one, while the buffered readers written in C do. Ours does what the former do.
    readlines = _pyio.IOBase.readlines


def streams(case):
    body = b"".join(text.encode("latin-1") * times for text, times in case["body"])
    with opened(case["source"], body) as stream:
        return [operate(stream, *operation) for operation in case["operations"]]


def opened(source, body):
    if source in ("memory", "view"):
        return io.BytesIO(body)
    if source in ("pipe", "part of a pipe"):
        reading, writing = os.pipe()
        os.write(writing, body)
        os.close(writing)
        return Buffered(io.FileIO(reading))
    file = tempfile.TemporaryFile(buffering=0)
    file.write(body)
    file.seek(0)
    return Buffered(file)


def operate(stream, name, *args):
    if name == "iterate":
        (most,) = args
        return lines(list(itertools.islice(stream, most)))
    outcome = getattr(stream, name)(*args)
    return lines(outcome) if name == "readlines" else show(outcome)


# What is long is compared by its digest.


def show(data):
    return data.decode("latin-1") if len(data) < 60 else f"{len(data)} bytes, {hashlib.sha1(data).hexdigest()}"


def lines(outcome):
    return [show(line) for line in outcome] if len(outcome) < 20 else [len(outcome), show(b"|".join(outcome))]
