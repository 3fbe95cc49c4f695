"""What is measured: each function does one thing the ways there are, taking turns, and checks every picture."""

from __future__ import annotations

import threading
import time
from contextlib import closing

from bench.measure import BenchFailed, Series, forget_cached, hold_cached, resident_mib
from bench.peers import PICTURE_WIDTH, STRIP_HEIGHT, demux_with_pyav, number_in, read_with_cp
from bench.playback import first_picture
from bench.server import Answer
from bench.setup import Found, Scenario, Setup, child_series

THUMBNAILS = 100
STEPS = 10
BURST = 50
CLIENTS = 10
PLAYED_S = 10
IDLE_S = 8
"""After this time without a request the server has let go what it kept for the next one."""


def index_build(setup: Setup) -> Found:
    """Build the index of the file in memory, and of the file on disk, against reading it and demuxing it."""
    path = setup.recording.path
    found: Found = {name: Series() for name in ("engine", "cp", "PyAV demux", "engine, from disk", "cp, from disk")}
    for turn in range(setup.long_rounds):
        for where, prepare in (("", hold_cached), (", from disk", forget_cached)):
            if where and turn >= 3:
                continue
            prepare(path)
            found["cp" + where].add(read_with_cp(path))
            prepare(path)
            setup.forget_index()
            answer = setup.child("index")
            if answer["results"] != [setup.recording.frames]:
                raise BenchFailed(f"the index of {path.name} has {answer['results']} frames")
            found["engine" + where].join(child_series(answer))
        if turn < 3 and setup.peers:
            hold_cached(path)
            found["PyAV demux"].add(demux_with_pyav(path))
    return {name: series for name, series in found.items() if series.samples}


def picture(setup: Setup) -> Found:
    """The picture shown at a random time, with the index there."""
    frames = setup.frames("picture", setup.rounds)
    over_http, by_ffmpeg = Series(), Series()
    away: list[int] = []
    target = setup.scratch / "picture.jpg"
    setup.server.wait_for_index(setup.address)
    with closing(setup.server.client()) as client:
        for frame in frames:
            with setup.server.meter() as meter:
                at = setup.moment_in(frame)
                answer = client.get(setup.address + "/frame", at=at, width=PICTURE_WIDTH)
            setup.check_answer(frame, answer)
            over_http.add(meter.cost(answer.seconds))
            if setup.peers:
                by_ffmpeg.add(setup.ffmpeg.picture(setup.recording, frame, target))
                away.append(_away(setup, frame, number_in(target.read_bytes())))
    told = setup.child("pictures", times=[setup.moment_in(frame) for frame in frames])
    for frame, number in zip(frames, told["results"], strict=True):
        setup.check("engine", frame, number)
    found = {"HTTP": over_http, "engine": child_series(told)}
    if setup.peers:
        wrong = [distance for distance in away if distance]
        by_ffmpeg.note = f"{len(wrong)} of {len(away)} pictures wrong, up to {max(away)} frames away"
        found["ffmpeg"] = by_ffmpeg
    return found


def _away(setup: Setup, frame: int, number: int | None) -> int:
    """How many frames a peer's picture is from the one asked for; counted round the period."""
    period = setup.recording.kind.period_frames
    if number is None:
        return period
    distance = abs(number - setup.recording.number_of(frame))
    return min(distance, period - distance)


def step(setup: Setup) -> Found:
    """From a picture at a random place to the next frames, one after another; and backwards."""
    found: Found = {}
    starts = setup.frames("step", max(2, setup.rounds // 2), STEPS + 1)
    setup.server.wait_for_index(setup.address)
    for by, name in ((1, ""), (-1, " backwards")):
        series = Series()
        with closing(setup.server.client()) as client:
            for start in starts:
                client.get(setup.address + "/frame", n=start, width=PICTURE_WIDTH)
                for turn in range(1, STEPS + 1):
                    with setup.server.meter() as meter:
                        answer = client.get(setup.address + "/frame", n=start + by * turn, width=PICTURE_WIDTH)
                    setup.check_answer(start + by * turn, answer)
                    series.add(meter.cost(answer.seconds))
        found["HTTP" + name] = series
        told = setup.child("steps", starts=starts, by=by, count=STEPS)
        wanted = [start + by * turn for start in starts for turn in range(1, STEPS + 1)]
        for frame, number in zip(wanted, told["results"], strict=True):
            setup.check("engine", frame, number)
        found["engine" + name] = child_series(told)
    return found


def thumbnails(setup: Setup) -> Found:
    """A hundred pictures from all over the recording: one strip (fresh, and asked for again), or a hundred starts."""
    fresh, again = Series(), Series()
    query = {"from": 0, "to": f"{setup.recording.duration_s:.6f}", "count": THUMBNAILS, "height": STRIP_HEIGHT}
    with closing(setup.server.client()) as client:
        for _ in range(setup.long_rounds):
            setup.server.renew(setup.recording)
            setup.server.wait_for_index(setup.address)
            for series in (fresh, again):
                with setup.server.meter() as meter:
                    strip = client.get(setup.address + "/filmstrip.jpg", **query)
                series.add(meter.cost(strip.seconds))
                setup.check_strip(client.json(setup.address + "/filmstrip", **query)["tiles"], strip.body)
    if not setup.peers:
        return {"HTTP": fresh, "HTTP, again": again}
    target = setup.scratch / "thumbnail.jpg"
    distance = setup.recording.frames / THUMBNAILS
    costs = [
        setup.ffmpeg.thumbnail(setup.recording, int((place + 0.5) * distance), target) for place in range(THUMBNAILS)
    ]
    started = Series([sum(cost.seconds for cost in costs)], sum(cost.cpu_s for cost in costs))
    started.peak_mib = max(cost.peak_mib for cost in costs)
    return {"HTTP": fresh, "HTTP, again": again, "ffmpeg": started}


def open_recording(setup: Setup) -> Found:
    """The first picture, from the middle, of a recording that nobody has opened yet; and until its index is there."""
    first, ready = Series(), Series()
    with closing(setup.server.client()) as client:
        for frame in setup.frames("open", setup.rounds, setup.recording.frames // 3):
            setup.server.renew(setup.recording)
            with setup.server.meter() as meter:
                begin = time.perf_counter()
                answer = client.get(setup.address + "/frame", at=setup.moment_in(frame), width=PICTURE_WIDTH)
            first.add(meter.cost(answer.seconds))
            setup.check_answer(frame, answer)
            with setup.server.meter() as meter:
                setup.server.wait_for_index(setup.address)
            ready.add(meter.cost(time.perf_counter() - begin))
    return {"HTTP": first, "HTTP, until the index is there": ready}


def playback(setup: Setup) -> Found:
    """From the request for `video.mp4` to the first whole fragment, and to its first picture decoded."""
    fragment, decoded = Series(), Series()
    setup.server.wait_for_index(setup.address)
    for frame in setup.frames("playback", setup.rounds, PLAYED_S * setup.recording.kind.fps):
        begin = frame / setup.recording.kind.fps
        with setup.server.meter() as meter, closing(setup.server.client()) as client:
            query = {"from": f"{begin:.6f}", "to": f"{begin + PLAYED_S:.6f}"}
            shown = first_picture(client, setup.address + "/video.mp4", query)
        setup.check("video.mp4", frame, shown.number)
        fragment.add(meter.cost(shown.fragment_s))
        decoded.add(meter.cost(shown.picture_s))
    return {"HTTP, first fragment": fragment, "HTTP, first picture": decoded}


def burst(setup: Setup) -> Found:
    """Fifty pictures asked for at once by ten clients, against fifty one after another on one core."""
    setup.server.wait_for_index(setup.address)
    alone, at_once = Series(), Series()
    rounds = max(1, setup.long_rounds // 2)
    frames = setup.frames("burst", 2 * BURST * rounds)
    cores = setup.server.cores()
    before_mib = after_mib = 0.0
    for turn in range(rounds):
        batch = [frames.pop() for _ in range(2 * BURST)]
        setup.server.pin(set(list(cores)[:1]))
        with setup.server.meter() as meter, closing(setup.server.client()) as client:
            answers = [client.get(setup.address + "/frame", n=n, width=PICTURE_WIDTH) for n in batch[:BURST]]
        setup.server.pin(cores)
        alone.add(meter.cost(sum(answer.seconds for answer in answers)))
        if turn == 0:
            time.sleep(IDLE_S)
            before_mib = resident_mib(setup.server.pid)
        with setup.server.meter() as meter:
            answers = _at_once(setup, batch[BURST:])
        for frame, answer in zip(batch[BURST:], answers, strict=True):
            setup.check_answer(frame, answer)
            at_once.add(meter.cost(answer.seconds, share=1 / BURST))
    until = time.monotonic() + 2 * IDLE_S
    while time.monotonic() < until and (after_mib := resident_mib(setup.server.pid)) > before_mib:
        time.sleep(0.25)
    at_once.note = f"no errors; memory before {before_mib:.0f} MiB, after {after_mib:.0f} MiB"
    at_once.facts = {"before_mib": before_mib, "after_mib": after_mib}
    return {"HTTP, 50 at once": at_once, "HTTP, 50 in a row on one core": alone}


def _at_once(setup: Setup, frames: list[int]) -> list[Answer]:
    """One request a thread, all let go at the same moment; `CLIENTS` of them have `BURST / CLIENTS` threads each."""
    barrier = threading.Barrier(len(frames))
    answers: dict[int, Answer | BenchFailed] = {}

    def ask(place: int) -> None:
        with closing(setup.server.client(f"bench-client-{place % CLIENTS:03}")) as client:
            barrier.wait()
            try:
                answers[place] = client.get(setup.address + "/frame", n=frames[place], width=PICTURE_WIDTH)
            except (OSError, BenchFailed) as error:
                answers[place] = BenchFailed(f"a request among {len(frames)}: {error}")

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(frames))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole: list[Answer] = []
    for place in range(len(frames)):
        answer = answers[place]
        if isinstance(answer, BenchFailed):
            raise answer
        whole.append(answer)
    return whole


SCENARIOS: dict[str, Scenario] = {
    "index": index_build,
    "picture": picture,
    "step": step,
    "thumbnails": thumbnails,
    "open": open_recording,
    "playback": playback,
    "burst": burst,
}
