"""Reading fragmented MP4 as it comes, as far as its first picture."""

from __future__ import annotations

import http.client
import io
import time
from dataclasses import dataclass

import av

from bench.measure import BenchFailed
from bench.peers import number_in_frame
from bench.server import Client


@dataclass(frozen=True)
class FirstPicture:
    """Seconds from the request on: until the first fragment was there whole, and until its picture was decoded."""

    fragment_s: float
    picture_s: float
    number: int | None


def first_picture(client: Client, path: str, query: dict[str, str]) -> FirstPicture:
    """Ask for a video and read no further than it takes; the connection is of no use after that."""
    begin = time.perf_counter()
    response = client.open(path, **query)
    data = bytearray()
    while True:
        kind = _read_box(response, data)
        if kind != b"mdat":
            continue
        fragment_s = time.perf_counter() - begin
        with av.open(io.BytesIO(bytes(data)), "r") as container:
            # The first fragment may be of sound alone, or hold less than a decoder wants to see before it shows.
            frame = next(iter(container.decode(video=0)), None)
            if frame is not None:
                return FirstPicture(fragment_s, time.perf_counter() - begin, number_in_frame(frame))


def _read_box(response: http.client.HTTPResponse, data: bytearray) -> bytes:
    """Append a whole box to the data; answers its type (ISO 14496-12, 4.2)."""
    head = response.read(8)
    if len(head) < 8:
        raise BenchFailed(f"the video ends after {len(data)} bytes, without a picture")
    size, header = int.from_bytes(head[:4], "big"), 8
    data += head
    if size == 1:
        long = response.read(8)
        data += long
        size, header = int.from_bytes(long, "big"), 16
    data += response.read(size - header)
    return head[4:]
