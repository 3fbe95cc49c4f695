"""Keep lists, plans, cuts, estimates, and what the page is told of jobs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from plexcut.domain.catalog import Section
from plexcut.domain.jobs import StoredJob
from plexcut.errors import (
    FormatUnsupported,
    NothingToUndo,
    QueueOffline,
    RecordingBusy,
    RecordingChanged,
    SpanInvalid,
    StaleRevision,
    UnknownOutput,
    UsageError,
)
from plexcut.plexdata import CutOrder, KeepOrder, SelectionChange, views
from plexcut.plexdata.keeping import ASSUMED_BYTES_PER_S, FIXED_COST_S, estimate_s, job_timeout_s
from plexcut.plexdata.results import FoundResult
from plexcut.storage.database import Database
from tests.plexdata.world import World, until

R = "a~r.m2"


def test_a_keep_list_is_saved_as_frames(world: World) -> None:
    assert views.keep(world.plexdata.keep(R)) == {
        "keep": [],
        "keep_frames": [],
        "revision": 0,
        "fingerprint": None,
        "applies": True,
        "imported": None,
    }
    told: list[Any] = []
    world.plexdata.subscribe(told.append)
    saved = world.plexdata.save_keep(KeepOrder(R, [("#250", "00:00:20"), (1, 2.5)], 0))
    shown = {
        "keep": [[1.0, 2.48], [10.0, 20.0]],
        "keep_frames": [[25, 62], [250, 500]],
        "revision": 1,
        "fingerprint": "f1",
        "applies": True,
        "imported": None,
    }
    assert views.keep(saved) == views.keep(world.plexdata.keep(R)) == shown
    assert [(e.name, e.data) for e in told] == [("keep", {"recording": R, "revision": 1, "keep": shown["keep"]})]
    assert views.keep(world.restart().keep(R)) == shown
    assert world.plexdata.save_keep(KeepOrder(R, [], 1)).keep_frames == ()


def test_a_keep_list_of_another_file_does_not_apply(world: World, tmp_path: Path) -> None:
    world.store = Database(tmp_path / "plexcut.db")  # type: ignore[assignment]
    plexdata = world.restart()
    plexdata.save_keep(KeepOrder(R, [(1, 2)], 0))
    world.engine.print = "f2"
    assert not views.keep(plexdata.keep(R))["applies"]
    assert views.keep(plexdata.save_keep(KeepOrder(R, [(3, 4)], 1)))["applies"]
    with pytest.raises(NothingToUndo):
        plexdata.undo_keep(R, 2)
    # The file that was there before is back, and so is its list: as it was, and with what undo leads to.
    world.engine.print = "f1"
    back = plexdata.keep(R)
    assert (views.keep(back)["applies"], back.keep_frames) == (True, ((25, 50),))
    assert views.keep(plexdata.keep(R)) == views.keep(back) == views.keep(plexdata.keep_history(R).saved)
    empty = plexdata.undo_keep(R, back.revision).saved
    assert empty.keep_frames == ()
    assert plexdata.redo_keep(R, empty.revision).saved.keep_frames == ((25, 50),)
    world.engine.print = "f2"
    assert plexdata.keep_history(R).saved.keep_frames == ((75, 100),)


def test_a_stale_revision_loses_nothing(world: World) -> None:
    world.plexdata.save_keep(KeepOrder(R, [(1, 2)], 0))
    with pytest.raises(StaleRevision):
        world.plexdata.save_keep(KeepOrder(R, [(5, 6)], 0))
    assert world.plexdata.keep(R).keep_s == ((1.0, 2.0),)


def test_a_stale_save_carries_the_current_list_and_can_be_merged(world: World, tmp_path: Path) -> None:
    store = Database(tmp_path / "plexcut.db")
    world.store = store  # type: ignore[assignment]
    plexdata = world.restart()
    plexdata.save_keep(KeepOrder(R, [(10, 20), (30, 40)], 0))
    plexdata.save_keep(KeepOrder(R, [(10, 20), (30, 45)], 1, label="end moved"))
    with pytest.raises(StaleRevision) as caught:
        plexdata.save_keep(KeepOrder(R, [(5, 20), (30, 40)], 1))
    assert caught.value.current == views.keep(plexdata.keep(R))
    merged = plexdata.save_keep(KeepOrder(R, [(5, 20), (30, 40)], 1, merge=True))
    assert (merged.keep_s, merged.revision) == (((5.0, 20.0), (30.0, 45.0)), 3)
    with pytest.raises(StaleRevision):  # what was never saved cannot be the common origin
        plexdata.save_keep(KeepOrder(R, [(1, 2)], 9, merge=True))
    told: list[Any] = []
    plexdata.subscribe(told.append)
    undone = views.keep_history(plexdata.undo_keep(R, 3))
    assert (undone["keep"], undone["revision"], undone["position"]) == ([[10.0, 20.0], [30.0, 45.0]], 4, 2)
    assert (undone["can_undo"], undone["can_redo"], undone["total"]) == (True, True, 4)
    assert [step["label"] for step in undone["steps"]] == ["", "", "end moved", ""]
    assert undone["steps"][3]["keep"] == [[5.0, 20.0], [30.0, 45.0]]
    assert told[-1].data == {"recording": R, "revision": 4, "keep": undone["keep"]}
    with pytest.raises(StaleRevision) as caught:
        plexdata.undo_keep(R, 3)
    assert caught.value.current is not None
    again = views.keep_history(plexdata.redo_keep(R, 4))
    assert again["keep"] == [[5.0, 20.0], [30.0, 45.0]]
    with pytest.raises(UsageError):
        plexdata.keep_history(R, 0)


def test_impossible_keep_lists(world: World) -> None:
    for spans in ([(2, 1)], [(1, 1)], [(0, 500)], [(-1, 2)], [("x", 2)], [(0, 1)] * 1001):
        with pytest.raises(SpanInvalid):
            world.plexdata.save_keep(KeepOrder(R, spans, 0))
        with pytest.raises(SpanInvalid):
            world.plexdata.plan(CutOrder(R, spans))
    with pytest.raises(UsageError):
        world.plexdata.save_keep(KeepOrder(R, [(0, 1)], -1))
    with pytest.raises(RecordingChanged):
        world.plexdata.save_keep(KeepOrder(R, [(0, 1)], 0, fingerprint="another"))
    assert world.plexdata.keep(R).revision == 0


def test_a_keep_list_of_a_file_that_shrank_still_shows(world: World) -> None:
    world.plexdata.save_keep(KeepOrder(R, [(1, 2), (100, 110)], 0))
    world.engine.frames, world.engine.print = 2600, "f2"
    state = world.plexdata.keep(R)
    assert (state.keep_s, state.fingerprint) == (((1.0, 2.0), (100.0, 104.0)), "f1")


def test_a_cut_does_the_four_steps(world: World) -> None:
    world.plexdata.update("x", SelectionChange(movie="b~m1"))
    job = world.plexdata.cut("x", CutOrder(R, [(10, 20), ("#0", "#25")]))
    selection = world.plexdata.selection("x")
    assert selection.section is not None
    assert selection.movie is not None
    assert (selection.section.id, selection.movie.id) == ("a~movies", "a~m2")
    ((movie, meta, timeout_s),) = world.queue.orders
    assert json.loads(json.dumps(asdict(movie)))["keep"] == [[0, 25], [250, 500]]
    assert (movie.recording, movie.section, movie.fingerprint, movie.mode) == (R, "a~movies", "f1", "exact")
    assert (movie.path, movie.root) == (str(world.tmp / "m2.ts"), str(world.tmp))
    assert (movie.raw_duration_s, movie.cut_duration_s) == (120.0, 11.0)
    assert timeout_s == 600
    shown = views.job(job)
    assert shown["id"] == "j1"
    assert "meta" not in shown
    assert {key: shown[key] for key in meta} == {
        "section": "a~movies",
        "raw_duration_s": 120.0,
        "cut_duration_s": 11.0,
        "keep": [[0.0, 1.0], [10.0, 20.0]],
        "in_place": False,
        "output_path": str(world.tmp / "m2 cut.ts"),
    }


def test_the_result_gets_a_free_name(world: World) -> None:
    for taken in ("m2 cut.ts", "m2 cut 2.ts"):
        (world.tmp / taken).touch()
    job = world.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    assert job.meta["output_path"] == str(world.tmp / "m2 cut 3.ts")


def test_another_kind_of_file_and_chapters(world: World) -> None:
    (world.tmp / "m2 cut.mkv").touch()
    with pytest.raises(FormatUnsupported):
        world.plexdata.cut(None, CutOrder(R, [(0, 1)], chapters=True))
    with pytest.raises(FormatUnsupported):
        world.plexdata.cut(None, CutOrder(R, [(0, 1)], container="avi"))
    assert world.queue.orders == []
    job = world.plexdata.cut(None, CutOrder(R, [(0, 1)], container="mkv", chapters=True))
    assert job.meta["output_path"] == str(world.tmp / "m2 cut 2.mkv")
    movie = world.queue.orders[-1][0]
    assert (movie.container, movie.chapters) == ("mkv", True)


@pytest.mark.parametrize("what", [{"container": "avi"}, {"chapters": True}, {"container": "mkv", "output": "replace"}])
def test_a_plan_and_a_look_refuse_what_a_cut_refuses(world: World, what: dict[str, Any]) -> None:
    order = CutOrder(R, [(0, 1)], **what)
    for refuse in (world.plexdata.plan, world.plexdata.check_cut, lambda order: world.plexdata.cut(None, order)):
        with pytest.raises(FormatUnsupported):
            refuse(order)
    assert world.queue.orders == []


def test_the_position_stays_when_the_selected_movie_is_cut(world: World) -> None:
    world.plexdata.update(None, SelectionChange(movie="a~m2", pos_s=33.0))
    world.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    assert world.plexdata.selection().pos_s == 33.0


def test_without_a_keep_list_the_saved_one_is_cut(world: World) -> None:
    with pytest.raises(SpanInvalid):
        world.plexdata.cut(None, CutOrder(R))
    world.plexdata.save_keep(KeepOrder(R, [(3, 4)], 0))
    assert world.plexdata.plan(CutOrder(R)).frames == 25
    world.plexdata.cut(None, CutOrder(R))
    assert world.queue.orders[0][0].keep == ((75, 100),)
    world.engine.print = "f2"
    with pytest.raises(RecordingChanged):
        world.plexdata.plan(CutOrder(R))


def test_refused_orders(world: World) -> None:
    before = world.plexdata.selection()
    with pytest.raises(UnknownOutput):
        world.plexdata.cut(None, CutOrder(R, [(0, 1)], output="elsewhere"))
    with pytest.raises(UsageError):
        world.plexdata.cut(None, CutOrder(R, [(0, 1)], mode="fast"))
    assert world.plexdata.selection() == before
    with pytest.raises(SpanInvalid):
        world.plexdata.cut(None, CutOrder(R, []))
    with pytest.raises(RecordingChanged):
        world.plexdata.cut(None, CutOrder(R, [(0, 1)], fingerprint="another"))
    world.plexdata.cut(None, CutOrder(R, [(0, 1)], fingerprint="f1"))
    with pytest.raises(RecordingBusy):
        world.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    world.plexdata.cut(None, CutOrder("a~r.m3", [(0, 1)]))
    world.queue.up = False
    with pytest.raises(QueueOffline):
        world.plexdata.cut(None, CutOrder("a~r.m1", [(0, 1)]))
    assert len(world.queue.orders) == 2


def test_the_estimate_decides_the_time_limit() -> None:
    assert estimate_s(0, None) == FIXED_COST_S
    assert estimate_s(1000, 10.0) == FIXED_COST_S + 100
    assert estimate_s(ASSUMED_BYTES_PER_S, None) == FIXED_COST_S + 1
    assert job_timeout_s(600, 599.0) == 600
    assert job_timeout_s(600, 600.0) == 600
    assert job_timeout_s(600, 600.5) == 1802
    assert job_timeout_s(900, 700) == 900


def test_a_long_job_gets_three_times_its_estimate(world: World) -> None:
    world.engine.size_bytes = 3_000_000
    world.store.speeds.append(("cut", 3000, 1.0))
    world.plexdata.save_keep(KeepOrder(R, [(0, 120)], 0))
    world.plexdata.update(None, SelectionChange(movie="a~m2"))
    assert world.plexdata.selection().eta_s == 1002.0
    world.plexdata.cut(None, CutOrder(R))
    movie, _, timeout_s = world.queue.orders[0]
    assert (movie.eta_s, timeout_s) == (1002.0, 3006)


def test_the_selections_estimate_follows_the_saved_keep_list(world: World) -> None:
    plexdata = world.plexdata
    assert plexdata.update_movie(None, "a~m2").eta_s is None
    plexdata.save_keep(KeepOrder(R, [(0, 60)], 0))
    assert plexdata.selection().eta_s == pytest.approx(FIXED_COST_S + 150_000_000 / ASSUMED_BYTES_PER_S, abs=0.1)
    assert plexdata.update_movie(None, "a~m1").eta_s is None
    world.libraries[0].online = False
    assert plexdata.selection().eta_s is None


def test_jobs_are_told_and_their_speed_is_learnt(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)
    until(lambda: world.plexdata.health().queue_online)
    told: list[Any] = []
    end = world.plexdata.subscribe(told.append)
    until(lambda: any(event.name == "progress" for event in told))
    job = world.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    until(lambda: any(event.name == "job" for event in told))
    world.queue.change(job.id, state="running", percent=40.0, phase="copying")
    until(lambda: any(event.name == "job" and event.data["percent"] == 40.0 for event in told))
    world.queue.change(job.id, state="finished", result={"bytes": 5_000_000, "seconds": 0.5})
    until(lambda: any(event.name == "job" and event.data["state"] == "finished" for event in told))
    until(lambda: world.store.speeds == [("cut", 5_000_000, 0.5)])
    world.queue.up = False
    world.queue.up = True
    end()


def test_cancel_and_retry_are_told_at_once(world: World) -> None:
    job = world.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    told: list[Any] = []
    world.plexdata.subscribe(told.append)
    assert world.plexdata.cancel(job.id).state == "cancelled"
    assert [(e.name, e.data["state"]) for e in told] == [("job", "cancelled")]
    assert world.plexdata.jobs().jobs == (world.plexdata.job(job.id),)
    assert world.plexdata.progress().state == "idle"


@pytest.mark.logs_error("a listener failed")
def test_a_listener_that_fails_does_not_keep_the_others_from_it(world: World) -> None:
    told: list[Any] = []

    def fails(event: Any) -> None:
        raise RuntimeError("a bug")

    world.plexdata.subscribe(fails)
    world.plexdata.subscribe(told.append)
    world.plexdata.save_keep(KeepOrder(R, [(0, 1)], 0))
    assert [event.name for event in told] == ["library", "keep"]


def test_results_go_into_the_configured_folder(world: World) -> None:
    assert world.plexdata.cut_options().outputs == ("beside", "replace")
    with pytest.raises(UnknownOutput, match="no folder for results"):
        world.plexdata.cut(None, CutOrder(R, [(0, 1)], output="folder"))
    cut = replace(world.settings.cut, output_folder=world.tmp / "results")
    world.settings = replace(world.settings, cut=cut)
    world.restart()
    assert views.cut_options(world.plexdata.cut_options()) == {
        "mode": "exact",
        "output": "beside",
        "outputs": ["beside", "replace", "folder"],
        "output_folder": str(world.tmp / "results"),
        "keep_original_days": 30,
    }
    job = world.plexdata.cut(None, CutOrder(R, [(0, 1)], output="folder"))
    assert (job.meta["in_place"], job.meta["output_path"]) == (False, str(world.tmp / "results" / "m2 cut.ts"))
    assert world.queue.orders[0][0].output == "folder"


def test_recordings_with_a_keep_list(world: World) -> None:
    assert world.plexdata.kept_recordings() == ()
    for recording in ("a~r.m3", R):
        world.plexdata.save_keep(KeepOrder(recording, [(1, 2)], 0))
    assert world.plexdata.kept_recordings() == (R, "a~r.m3")
    world.plexdata.save_keep(KeepOrder(R, [], 1))
    assert world.plexdata.kept_recordings() == ("a~r.m3",)


def test_the_recording_that_a_job_made(world: World) -> None:
    job = world.plexdata.cut(None, CutOrder(R, [(0, 1)]))
    assert world.plexdata.job_result(job.id) == FoundResult(None, None)
    path = str(world.tmp / "m2 cut.ts")

    def ended(recording: str, **meta: Any) -> str:
        new = replace(job, id=f"{recording}-{len(meta)}", recording=recording, state="finished", result={"path": path})
        new = replace(new, meta={**job.meta, **meta})
        world.store.save_jobs([(StoredJob(new, None), ())])
        return new.id

    assert world.plexdata.job_result(ended(R)) == FoundResult(path, None)
    assert world.plexdata.job_result(ended(R, in_place=True, x=1)) == FoundResult(path, R)
    library = world.libraries[0]
    library.add(Section("a~movies", "movies", "movie", "a"), "m2 cut")
    assert world.plexdata.job_result(ended(R)) == FoundResult(path, "a~r.m2 cut")
    library.online = False
    assert world.plexdata.job_result(ended(R)) == FoundResult(path, None)
