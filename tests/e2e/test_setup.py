"""The first run in the page: Plex by keyboard, a folder on a phone, what goes wrong on the way, the demo."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, expect

from tests.e2e.server import Editor, Server
from tests.e2e.setting_up import TOKEN, fake_demo, fill_plex, read_only
from tests.e2e.test_accessible import AXE, violations
from tests.media_factory import CLIPS, Clip, ClipCache
from tests.plex.server import PlexStandIn


@dataclass
class Home:
    """A server without any library, and what belongs to it."""

    server: Server
    folder: Path

    @property
    def config(self) -> dict[str, object]:
        return tomllib.loads((self.folder / "config.toml").read_text())


@pytest.fixture(scope="module")
def clip(clip_cache: ClipCache) -> Clip:
    return clip_cache.get(CLIPS["h264_open_gop_50p"])


@pytest.fixture(scope="module")
def plex(tmp_path_factory: pytest.TempPathFactory, clip: Clip) -> Iterator[PlexStandIn]:
    with PlexStandIn(TOKEN) as plex:
        fill_plex(plex, tmp_path_factory.mktemp("nas") / "recordings", clip)
        yield plex


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Home]]:
    """`start()` starts a server whose configuration names no library."""
    started: list[Server] = []

    def run(text: str = "", **settings: str) -> Home:
        (tmp_path / "config.toml").write_text(text)
        server = Server(tmp_path, **settings)
        started.append(server)
        return Home(server, tmp_path)

    yield run
    for server in started:
        server.stop()


def nas(plex: PlexStandIn) -> Path:
    return next(iter(plex._contents.values())).parents[3]


def accessible(page: Page) -> None:
    if AXE.exists():
        page.wait_for_timeout(350)  # texts that are fading in have no contrast yet
        assert violations(page) == []


def heading(page: Page, name: str) -> None:
    """The step is shown, and its heading has the focus, so that a screen reader begins there."""
    expect(page.get_by_role("heading", level=1, name=name)).to_be_focused()


def test_plex_is_connected_by_keyboard(start: Callable[..., Home], plex: PlexStandIn, watched_page: Page) -> None:
    home, page = start("# mine\n"), watched_page
    page.emulate_media(reduced_motion="reduce")

    def tab_to(name: str, back: bool = False) -> None:
        for _ in range(40):
            page.keyboard.press("Shift+Tab" if back else "Tab")
            label = "e => e.ariaLabel || e.labels?.[0]?.textContent || e.textContent || ''"
            if re.search(name, page.evaluate(f"({label})(document.activeElement)")):
                return
        raise AssertionError(f"{name} is not reached by the Tab key")

    page.goto(home.server.address)
    expect(page).to_have_url(re.compile("/setup$"))
    heading(page, "Where are your recordings?")
    accessible(page)
    tab_to("Connect Plex")
    page.keyboard.press("Enter")
    heading(page, "Connect your Plex server")
    tab_to("Address")
    page.keyboard.type(plex.url.removeprefix("http://") + "/web/index.html")
    tab_to("^Token")
    page.keyboard.type("a wrong one")
    page.keyboard.press("Enter")
    results = page.get_by_role("list", name="Results of the test")
    expect(results.locator("[data-step=token]")).to_have_attribute("data-state", "failed")
    expect(results.locator("[data-step=token]")).to_contain_text("does not accept this token")
    expect(results.locator("[data-step=server]")).to_contain_text("Plex 1.41")
    expect(results.locator("[data-step=sections]")).to_have_attribute("data-state", "waiting")
    accessible(page)
    page.keyboard.press("Control+A")
    page.keyboard.type(f"http://x/library/metadata/1?X-Plex-Token={TOKEN}")
    page.keyboard.press("Enter")
    expect(results.locator("[data-step=sections]")).to_contain_text("Films, Shows")
    assert page.get_by_label("Address of the server").input_value() == plex.url
    page.keyboard.press("Enter")
    heading(page, "Which sections?")
    accessible(page)
    tab_to("^ ?Shows")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    heading(page, "Where the recordings are on this machine")
    row = page.locator("[data-plex='/share/plexrecords/films']")
    expect(row).to_have_attribute("data-state", re.compile("found"), timeout=120_000)
    if row.get_attribute("data-state") == "not_found":
        tab_to("Look below this folder too")
        page.keyboard.type(str(nas(plex)))
        page.keyboard.press("Enter")
    expect(row).to_have_attribute("data-state", "found", timeout=120_000)
    expect(row).to_contain_text("2 of 2 files")
    expect(row).to_contain_text("Size and content are the same")
    accessible(page)
    tab_to("^ ?Next")
    page.keyboard.press("Enter")
    heading(page, "Reading and writing")
    tried = page.locator("[data-step=remove]")
    expect(tried).to_have_attribute("data-state", "ok")
    accessible(page)
    tab_to("Name of the library")
    page.keyboard.press("Control+A")
    page.keyboard.type("Living room")
    page.keyboard.press("Enter")
    heading(page, "Done")
    accessible(page)
    (library,) = home.config["library"]  # type: ignore[misc]
    assert (library["name"], library["token"], library["sections"]) == ("Living room", TOKEN, [1])
    assert library["path"] == [{"plex": "/share/plexrecords/films", "here": str(nas(plex) / "recordings" / "films")}]
    assert TOKEN not in page.content()
    tab_to("To the recordings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Harbour Light")).to_be_visible()
    expect(page.get_by_role("link", name="Shows")).to_have_count(0)
    page.get_by_role("link", name="Harbour Light").click()
    editor = Editor(page)
    editor.wait_in_button()
    editor.expect_frame(0)
    editor.mark(20, 60)
    editor.expect_saved()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Cut now")).to_be_enabled()
    tab_to("^ ?Cut now")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done and checked")).to_be_visible(timeout=120_000)
    folder = nas(plex) / "recordings" / "films" / "Harbour Light (2011)"
    assert (folder / "Harbour Light (2011) cut.ts").stat().st_size > 10_000
    (folder / "Harbour Light (2011) cut.ts").unlink()
    page.goto(f"{home.server.address}/setup?way=plex&step=check")
    heading(page, "Connect your Plex server")
    assert page.get_by_label(re.compile("^Token")).input_value() == ""


def test_a_folder_is_chosen_on_a_phone(
    start: Callable[..., Home], tmp_path: Path, clip: Clip, browser: Browser
) -> None:
    home = start()
    place = tmp_path / "media" / "recordings"
    (place / "Movies").mkdir(parents=True)
    (place / "Movies" / "Harbour Light (2011).ts").write_bytes(clip.path.read_bytes())
    (tmp_path / "media" / "results").mkdir()
    context = browser.new_context(
        locale="de-DE", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(home.server.address)
    expect(page.get_by_role("heading", level=1, name="Wo sind deine Aufnahmen?")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="Ordner wählen").tap()
    field = page.get_by_label("Ordner", exact=True).and_(page.locator("input"))
    field.fill(str(tmp_path / "media"))
    page.get_by_role("button", name="recordings").tap()
    expect(field).to_have_value(f"{place}/")
    expect(page.get_by_role("button", name="Movies")).to_be_visible()
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with read_only(place):
        page.get_by_role("button", name="Testen").tap()
        expect(page.get_by_role("heading", level=1, name="Lesen und Schreiben")).to_be_visible()
        expect(page.locator("[data-step=read]")).to_have_attribute("data-state", "ok")
        expect(page.locator("[data-step=write]")).to_contain_text("darf dort nicht schreiben")
        page.get_by_label("Ordner für Ergebnisse").fill(str(tmp_path / "media" / "results"))
        page.get_by_role("button", name="Diesen Ordner versuchen").tap()
        expect(page.locator(".output [data-step=remove]")).to_have_attribute("data-state", "ok")
        accessible(page)
        page.get_by_label("Name der Bibliothek").fill("Aufnahmen")
        page.get_by_role("button", name="Bibliothek hinzufügen").tap()
        expect(page.get_by_role("heading", level=1, name="Fertig")).to_be_visible()
        assert home.config["cut"] == {"output_folder": str(tmp_path / "media" / "results")}
        page.get_by_role("link", name="Zu den Aufnahmen").tap()
        expect(page.get_by_role("link", name="Harbour Light")).to_be_visible()
    page.get_by_role("button", name="Bibliotheken").tap()
    page.get_by_role("link", name="Bibliothek hinzufügen").tap()
    expect(page.get_by_role("heading", level=1, name="Wo sind deine Aufnahmen?")).to_be_visible()
    context.close()


def test_what_goes_wrong_says_why(start: Callable[..., Home], plex: PlexStandIn, tmp_path: Path, page: Page) -> None:
    home = start()
    page.goto(f"{home.server.address}/setup?way=plex")
    results = page.get_by_role("list", name="Results of the test")

    def test(address: str, step: str, reason: str) -> None:
        page.get_by_label("Address of the server").fill(address)
        page.get_by_label(re.compile("^Token")).fill(TOKEN)
        page.get_by_role("button", name="Test").click()
        failed = results.locator(f"[data-step={step}]")
        expect(failed).to_have_attribute("data-state", "failed", timeout=120_000)
        expect(failed).to_contain_text(reason)

    test("http://127.0.0.1:9", "address", "nothing listens on this port")
    test(plex.url.replace("http:", "https:"), "certificate", "Write http://")
    plex.fail("html")
    test(plex.url, "server", "no Plex server")
    plex.fail("slow")
    test(plex.url, "server", "does not answer")
    plex.fail(None)
    page.get_by_role("button", name="Test").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    films = page.locator("[data-plex='/share/plexrecords/films']")
    shows = page.locator("[data-plex='/share/plexrecords/shows']")
    expect(films).to_be_visible(timeout=120_000)
    name = "films/Harbour Light (2011)/Harbour Light (2011).ts"
    (tmp_path / "old" / name).parent.mkdir(parents=True)
    (tmp_path / "old" / name).write_bytes(b"another recording")

    def give(row, folder: Path) -> None:
        row.get_by_role("button", name=re.compile("Change|Name the folder")).click()
        row.get_by_label("The folder on this machine").fill(str(folder))
        row.get_by_role("button", name="Check").click()

    give(films, tmp_path / "old" / "films")
    expect(films).to_have_attribute("data-state", "wrong_size")
    expect(films).to_contain_text("of another size than Plex says")
    give(films, tmp_path / "gone")
    expect(films).to_have_attribute("data-state", "not_there")
    give(films, nas(plex) / "recordings" / "films")
    expect(films).to_have_attribute("data-state", "found")
    if shows.get_attribute("data-state") == "found":
        shows.get_by_role("button", name="Leave out").click()
    expect(page.get_by_text("read through the Plex server")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("[data-step=remove]")).to_have_attribute("data-state", "ok")
    (home.folder / "config.toml").write_text("[server\n")
    page.get_by_role("button", name="Add the library").click()
    expect(page.locator(".failure")).to_contain_text("is no TOML")
    (home.folder / "config.toml").write_text("")
    page.get_by_role("button", name="Add the library").click()
    expect(page.get_by_role("heading", level=1, name="Done")).to_be_visible()
    assert [one["plex"] for one in home.config["library"][0]["path"]] == ["/share/plexrecords/films"]  # type: ignore[index]


def test_the_demo_is_tried(start: Callable[..., Home], tmp_path: Path, clip: Clip, watched_page: Page) -> None:
    fake_demo(tmp_path, clip)
    home, page = start(), watched_page
    page.goto(f"{home.server.address}/setup")
    page.get_by_role("link", name="Try the demo").click()
    page.get_by_role("button", name="Make the demo library").click()
    expect(page.get_by_text("The demo library is there.")).to_be_visible()
    expect(page.get_by_text("until plexcut is started again")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="Look around").click()
    expect(page.get_by_role("heading", name="This is the demo library")).to_be_visible()
    expect(page.locator("a[href*='/edit/']").first).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Do not show this again").click()
    page.reload()
    expect(page.locator("a[href*='/edit/']").first).to_be_visible()
    expect(page.get_by_role("heading", name="This is the demo library")).to_have_count(0)


def test_behind_a_password_and_below_a_path(start: Callable[..., Home], tmp_path: Path, clip: Clip, page: Page) -> None:
    home = start(
        PLEXCUT_SERVER__HOST="0.0.0.0",
        PLEXCUT_SERVER__PASSWORD=PasswordHasher(time_cost=1, memory_cost=1024).hash("open sesame"),
        PLEXCUT_SERVER__BASE_PATH="/cutting",
    )
    (tmp_path / "films" / "Movies").mkdir(parents=True)
    (tmp_path / "films" / "Movies" / "Harbour Light (2011).ts").write_bytes(clip.path.read_bytes())
    port = re.search(r":(\d+)", home.server.address.removeprefix("http://"))
    assert port is not None
    page.goto(f"http://127.0.0.1:{port[1]}/cutting/setup?way=folder")
    expect(page).to_have_url(re.compile("/cutting/login"))
    page.get_by_label("Password").fill("open sesame")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/cutting/setup"))
    page.get_by_label("Folder", exact=True).and_(page.locator("input")).fill(str(tmp_path / "films"))
    page.get_by_role("button", name="Test").click()
    page.get_by_role("button", name="Add the library").click()
    page.get_by_role("link", name="To the recordings").click()
    expect(page).to_have_url(re.compile("/cutting/library/films/"))
    page.get_by_role("link", name="Harbour Light").click()
    editor = Editor(page)
    editor.wait_in_button()
    editor.expect_frame(0)


def test_with_library_on_the_command_line_nothing_is_added(server: Server, page: Page) -> None:
    page.goto(server.address)
    expect(page.get_by_role("link", name="Harbour Light")).to_be_visible()
    expect(page.get_by_role("link", name="Add a library")).to_have_count(0)
    page.goto(f"{server.address}/setup?way=folder")
    expect(page.get_by_text("started with --library")).to_be_visible()
