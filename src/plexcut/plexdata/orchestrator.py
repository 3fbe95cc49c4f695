"""`Plexdata`: the one door to everything that plexcut does. The web layer and the command line call nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from plexcut.config import Settings
from plexcut.domain.catalog import Item, ItemQuery, Page, RecordingFile, Section, Thumb
from plexcut.domain.selection import Selection
from plexcut.plexdata.browsing import Browsing
from plexcut.plexdata.cutlists import CutListDoor, CutListing
from plexcut.plexdata.cutting import Cutting
from plexcut.plexdata.doors import CutDoor, JobDoor, TrashDoor
from plexcut.plexdata.events import Events, Listener
from plexcut.plexdata.followups import FollowUps
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import Keeping
from plexcut.plexdata.looking import LookingDoor
from plexcut.plexdata.model import (
    Health,
    LibraryStatus,
    Ports,
    RecordingInfo,
    SelectionChange,
    TimelineFrame,
    Written,
)
from plexcut.plexdata.naming import NamingDoor
from plexcut.plexdata.progress import Watch
from plexcut.plexdata.proposals import ProposalDoor, Proposals
from plexcut.plexdata.replacing import Replacing
from plexcut.plexdata.results import ResultDoor
from plexcut.plexdata.selecting import Selecting
from plexcut.plexdata.setup import SettingUp, SetupDoor
from plexcut.plexdata.startup import Startup
from plexcut.plexdata.streaming import Streaming
from plexcut.plexdata.timeline import Timeline, TimelineOrder


class Plexdata(CutDoor, TrashDoor, JobDoor, CutListDoor, LookingDoor, NamingDoor, ProposalDoor, ResultDoor, SetupDoor):
    """The orchestrator between the libraries, the media engine, the queue and the saved state.

    One instance per process, built by `bootstrap.build`. Every method may be called from any thread, and any number
    at once; methods block, so an event loop calls them in threads. `client` is the id in a client's cookie, None for
    one without: those share one selection.
    """

    def __init__(self, ports: Ports, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._ports = ports
        self._events = Events()
        self._hosts = Hosts(ports, settings, self._events, clock)
        self._keeping = Keeping(self._hosts, ports, self._events)
        super().__init__(self._hosts, ports, self._keeping)
        self._cut_lists = CutListing(self._hosts, ports, self._keeping)
        self._proposals = Proposals(self._hosts, ports, self._cut_lists, self._keeping)
        self._browsing = Browsing(self._hosts, ports.store, self._proposals.among, clock)
        self._selecting = Selecting(self._browsing, ports.store, self._keeping, self._events)
        self._timeline = Timeline(self._frames, settings.server.static_dir)
        self._streaming = Streaming(self._browsing, self._hosts, ports.store, clock)
        self._cutting = Cutting(self._hosts, ports, self._keeping, settings, self._events)
        follow_ups = FollowUps(self._hosts, ports.store, clock)
        self._watch = Watch(ports, self._hosts, self._events, follow_ups)
        self._replacing = Replacing(self._hosts, ports, settings, follow_ups, clock)
        self._setting_up = SettingUp(self._hosts, ports, settings, self._use)
        self._startup = Startup(self._hosts, self._selecting, settings, self._replacing.recover)

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Check the hosts, set the initial selection, watch from then on; each step is logged with its result.

        Returns at once: the steps run in threads, and `health` tells how far they are. A host that is down does not
        stop anything: it is shown as offline, and initialised when it answers.
        """
        self._startup.start()
        self._watch.start()
        self._replacing.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until `health` says `ok`, at most `timeout_s` seconds; whether it does."""
        return self._startup.wait_ready(timeout_s)

    def _use(self, settings: Settings) -> None:
        """Go on with these settings: a library was added."""
        self.settings = settings
        self._replacing.use(settings)

    def close(self) -> None:
        """End the threads, let go of libraries, queue and database. Nothing may be called afterwards."""
        self._setting_up.close()
        self._startup.close()
        self._watch.close()
        self._replacing.close()
        self._hosts.close()
        self._ports.engine.close()
        self._ports.queue.close()
        self._ports.store.close()

    def health(self) -> Health:
        """Whether plexcut is ready, and which hosts answer. Asks no host: what the last check found."""
        return replace(self._startup.health(), notices=self._ports.store.notices())

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(event)` for every event, in whatever thread it happens; it must not block.

        Returns:
            A function that ends the subscription.
        """
        return self._events.subscribe(listener)

    def secret(self, name: str) -> bytes:
        """32 random bytes under this name, made at the first call and kept: what the web layer signs sessions with."""
        return self._ports.store.secret(name)

    # -- browsing --------------------------------------------------------------------------------------------------

    def libraries(self) -> tuple[LibraryStatus, ...]:
        """All configured libraries, in the order of the configuration."""
        return self._hosts.libraries()

    def sections(self, library: str) -> tuple[Section, ...]:
        """The sections of a library.

        Raises:
            LibraryNotFound, LibraryOffline.
        """
        return self._browsing.sections(library)

    def items(self, library: str, section: str, query: ItemQuery | None = None) -> Page:
        """Movies or shows of a section.

        Raises:
            LibraryNotFound, SectionNotFound, LibraryOffline; UsageError: `limit` or `offset` out of bounds.
        """
        return self._browsing.items(library, section, query or ItemQuery())

    def item(self, item: str) -> Item:
        """One item.

        Raises:
            ItemNotFound, LibraryOffline.
        """
        return self._browsing.item(item)

    def children(self, item: str) -> tuple[Item, ...]:
        """Seasons of a show, episodes of a season, () of a movie.

        Raises:
            ItemNotFound, LibraryOffline.
        """
        return self._browsing.children_of(item)

    def thumb(self, item: str, width: int = 300) -> Thumb | None:
        """The poster, about `width` pixels wide (16 to 2000); None where there is none.

        Raises:
            ItemNotFound, LibraryOffline, UsageError.
        """
        return self._browsing.thumb(item, width)

    # -- selection -------------------------------------------------------------------------------------------------

    def selection(self, client: str | None = None) -> Selection:
        """What the client has selected. A new client begins with what the shared selection is at that time."""
        return self._selecting.selection(client)

    def update(self, client: str | None, change: SelectionChange) -> Selection:
        """Select, with the cascade; answers the whole selection. After a failure the old one stands.

        Raises:
            LibraryNotFound, SectionNotFound, ItemNotFound, LibraryOffline; PositionInvalid: `pos_s` is negative, or
            beyond the movie's duration where that is known.
        """
        return self._selecting.update(client, change)

    def update_section(self, client: str | None, section: str) -> Selection:
        """Select a section and the first of everything below. Raises as `update`."""
        return self._selecting.update(client, SelectionChange(section=section))

    def update_show(self, client: str | None, show: str) -> Selection:
        """Select a show, its first season and first episode. Raises as `update`."""
        return self._selecting.update(client, SelectionChange(show=show))

    def update_season(self, client: str | None, season: str) -> Selection:
        """Select a season and its first episode. Raises as `update`."""
        return self._selecting.update(client, SelectionChange(season=season))

    def update_movie(self, client: str | None, movie: str) -> Selection:
        """Select a movie or an episode; another one than before begins at position 0. Raises as `update`."""
        return self._selecting.update(client, SelectionChange(movie=movie))

    def set_position(self, client: str | None, pos_s: float) -> Selection:
        """Set the position in the selected movie, in seconds. Raises as `update`."""
        return self._selecting.update(client, SelectionChange(pos_s=pos_s))

    # -- recordings ------------------------------------------------------------------------------------------------

    def recording(self, recording: str) -> RecordingInfo:
        """What a recording is. Starts its index where there is none; until that is ready the facts are None.

        Raises:
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported. An index that could not be built is no
            error here: `index.state` is `failed` then, and `index.error` says why.
        """
        return self._frames.recording(recording)

    def recording_file(self, recording: str) -> RecordingFile:
        """Where a recording's file lies. For this process only: never part of an answer.

        Raises:
            RecordingNotFound, LibraryOffline.
        """
        return self._hosts.recording(recording)

    def timeline(
        self,
        client: str | None,
        basename: str,
        pos: Written,
        l: int,  # noqa: E741 - the seed's name
        r: int,
        step: Written,
        size: int,
    ) -> tuple[TimelineFrame, ...]:
        """Write pictures of the client's selected movie at `pos + k*step` for k in `l..r`, and name them.

        `basename` names the files and their format: `frame.jpg` gives `frame_00:01:00.jpg`; `size` is their width in
        pixels. Positions are clamped to the recording; all pictures are there when this returns.

        Raises:
            UsageError: basename, range, step or size is not possible.
            ItemNotFound: no movie is selected. Besides what `frame` raises.
        """
        movie = self._selecting.selected_movie(client)
        return self._timeline.timeline(TimelineOrder(movie, basename, pos, l, r, step, size))

    @property
    def static_dir(self) -> Path:
        """Where the timeline's pictures lie: `<static_dir>/<recording>/<name>`."""
        return self.settings.server.static_dir

    # -- streaming -------------------------------------------------------------------------------------------------

    def stream_all(self, client: str | None, base_url: str) -> BytesIO:
        """An XSPF playlist of all movies of the selected section; episodes of all shows in a show section.

        `base_url` is this server's address as the player sees it, without a slash at the end.

        Raises:
            ItemNotFound: nothing is selected. LibraryOffline.
        """
        return self._streaming.section(self._selecting.selection(client), base_url)

    def stream_section(self, client: str | None, base_url: str) -> BytesIO:
        """An XSPF playlist of the current movies: the section's, or the selected season's. Raises as `stream_all`."""
        return self._streaming.movies(self._selecting.selection(client), base_url)

    def stream_movie(self, client: str | None, base_url: str) -> BytesIO:
        """An XSPF playlist of the selected movie. Raises as `stream_all`."""
        return self._streaming.movie(self._selecting.selection(client), base_url)

    def open_stream(self, token: str) -> RecordingFile:
        """The file behind a signed stream address.

        Raises:
            NotAllowed: the token is forged or has expired. RecordingNotFound, LibraryOffline.
        """
        return self._streaming.open(token)
