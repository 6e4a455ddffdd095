"""The report on paper: real glyphs, nothing lost, nothing loaded, and what a machine without its libraries says."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pypdf
import pytest

from brandq.exports import pdf
from brandq.plan import Brand, Plan
from brandq.words import words_in
from tests.exports.at_hand import report
from tests.reports.test_reports import HOSTILE, TEXTS, engine

#: laying out takes a second or two for each sheet where many processes share a processor
pytestmark = pytest.mark.timeout(300)

EN, ZH = words_in("en"), words_in("zh")
ROOT = Path(__file__).parents[2]


def read(body: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(body))


def text_of(reader: pypdf.PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def test_it_is_a_document_of_its_subject() -> None:
    """Given a report about a Chinese brand, when its PDF is read, then the brand's glyphs are there, each sheet has the subject,
    its number and the day, and title, language and time are told."""
    document, _ = report((*TEXTS, None))
    reader = read(pdf.made(document, words=ZH))
    assert reader.trailer["/Root"]["/Lang"] == "zh-Hans"
    assert "趣车良品" in str(reader.metadata and reader.metadata.title)
    assert str(reader.metadata and reader.metadata["/CreationDate"]).startswith("D:20261123120000")
    assert len(reader.pages) > 1
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert "趣车良品" in text
        assert f"{number} / {len(reader.pages)}" in text
        assert "2026年11月23日" in text
        assert "模拟" not in text


def test_simulated_numbers_say_so_on_every_sheet() -> None:
    """Given simulated answers, when the PDF is read, then every sheet is marked."""
    document, _ = report(simulated=True)
    pages = read(pdf.made(document, words=EN)).pages
    assert [page for page in pages if "SIMULATED" not in page.extract_text()] == []


def test_no_column_is_lost() -> None:
    """Given three brands, eight engines and long names, when the PDF is read, then every number of the table of brands is on
    it, and no text stands outside its sheet."""
    names = ("车蚂蚁汽车服务连锁有限公司", "AT&T Mobility & Entertainment Holdings Incorporated", "C++")
    engines = tuple(engine(f"openai/gpt-5.2-chat-latest-{number}?search=off") for number in range(8))
    plan = Plan(tuple(map(Brand, names)), ("哪家好？" * 20,), engines, repeats=3)
    document, _ = report((f"1. {names[0]}\n2. {names[1]}", f"1. {names[2]}", "无"), plan=plan)
    reader = read(pdf.made(document, words=EN))
    text = "".join(text_of(reader).split())
    for brand in document["brands"]:
        for block in brand["engines"]:
            for measure in ("mention_rate", "share_of_voice"):
                number = block[measure]
                assert f"{number['k']}/{number['n']}" in text
            assert "".join(block["engine"].split()) in text
    for page in reader.pages:
        begins: list[float] = []

        def note(text: str, scaled: list[float], placed: list[float], *_: object, begins: list[float] = begins) -> None:
            # the texts of a figure are told where they stand in it, and it is as wide as the sheet lets it be
            if text.strip() and scaled[0] != 1:
                begins.append(placed[4] * scaled[0] + scaled[4])

        page.extract_text(visitor_text=note)
        assert begins
        assert 0 <= min(begins)
        assert max(begins) < float(page.mediabox.right)


class Visited(BaseHTTPRequestHandler):
    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what was asked for is what is looked at."""


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and every path that it was asked for."""
    paths: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Trap", (Visited,), {"paths": paths}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_loaded_whatever_the_page_says(trap: tuple[str, list[str]], tmp_path: Path) -> None:
    """Given a page full of addresses, as if nothing had been escaped, when it is drawn, then nobody is asked for anything, and
    no file of this machine is in the PDF; a picture that the page holds itself is."""
    url, paths = trap
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET")
    picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    page = f"""<!doctype html><html><head><title>x</title>
    <link rel=stylesheet href="{url}/link"><link rel=attachment href="file://{secret}">
    <style>@import "{url}/import"; @font-face {{ font-family: f; src: url({url}/font) }}
    body {{ font-family: f; background: url({url}/css); list-style: url(file://{secret}) }}
    p::before {{ content: url({url}/content) }}</style></head>
    <body><p>seen</p><img src="{url}/img"><img src="file://{secret}"><img src="{picture}">
    <object data="{url}/object"></object><embed src="file://{secret}"><iframe src="{url}/frame"></iframe>
    <svg><image href="{url}/svg"/><use href="file://{secret}#x"/></svg>
    <a rel=attachment href="file://{secret}">a</a><a rel=attachment href="{url}/attached">b</a></body></html>"""
    body = pdf.drawn(page, f"@page {{ background: url({url}/page) }}", created="2026-11-23T12:00:00Z", words=EN)
    assert paths == []
    reader = read(body)
    assert "seen" in text_of(reader)
    assert not reader.attachments
    assert len(reader.pages[0].images) == 1
    assert b"TOP-SECRET" not in body


def test_hostile_text_of_a_report_is_text(trap: tuple[str, list[str]]) -> None:
    """Given a brand, a prompt, an engine and answers that try to load, and to leave the style of the margins, when the PDF is
    made, then nobody is asked, and the texts stand there as they are."""
    url, paths = trap
    name = f'<img src={url}/a>"}} @page {{ background: url({url}/b) }}'
    plan = Plan((Brand(name), Brand("B")), (f"{HOSTILE}<img src={url}/c>",), (engine(f"e<img src={url}/d>"),))
    document, _ = report((f'{name} <img src="{url}/e">', None), plan=plan)
    reader = read(pdf.made(document, words=EN))
    assert paths == []
    assert f"<img src={url}/a>" in text_of(reader)


WITHOUT_PANGO = """
import cffi, sys
def without(real):
    def dlopen(self, name, flags=0):
        if "pango" in str(name):
            raise OSError(f"cannot load library {name!r}")
        return real(self, name, flags)
    return dlopen
cffi.FFI.dlopen = without(cffi.FFI.dlopen)
from brandq.errors import CannotMake
from brandq.exports import pdf
from brandq.words import words_in
try:
    pdf.drawn("<p>x", "", created="2026-11-23T12:00:00Z", words=words_in("en"))
except CannotMake as error:
    print(error)
"""


def test_a_machine_without_pango_says_what_to_install() -> None:
    """Given a machine without Pango, when a PDF is wanted, then the error names the packages, and nothing else is printed."""
    shown = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANGO],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert shown.stdout.count("\n") == 1
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0 fonts-noto-cjk" in shown.stdout


def few_fonts(folder: Path) -> Path:
    """A configuration of fontconfig that knows one font, of Latin letters."""
    fonts = sorted(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"))
    if not fonts:
        pytest.skip("DejaVu Sans is not installed")
    (folder / "fonts").mkdir()
    shutil.copy(fonts[0], folder / "fonts")
    path = folder / "fonts.conf"
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>{folder}/fonts</dir>'
        f"<cachedir>{folder}/cache</cachedir></fontconfig>"
    )
    return path


WITH_FEW_FONTS = """
from brandq.errors import CannotMake
from brandq.exports import pdf
from brandq.words import words_in
for text in ("Latin and \U0001f600", "a 趣 b"):
    try:
        print(len(pdf.drawn(f"<p>{text}", "", created="2026-11-23T12:00:00Z", words=words_in("en"))) > 1000)
    except CannotMake as error:
        print(error)
"""


def test_a_machine_without_chinese_fonts_says_what_to_install(tmp_path: Path) -> None:
    """Given a machine that has Latin fonts only, when a PDF is made, then an emoji may be a box, but a Chinese name may not: the
    error shows which character, and names the package."""
    environment = {"PYTHONPATH": str(ROOT / "src"), "FONTCONFIG_FILE": str(few_fonts(tmp_path)), "PYTHONUTF8": "1"}
    shown = subprocess.run(
        [sys.executable, "-c", WITH_FEW_FONTS], capture_output=True, text=True, check=True, env=environment
    )
    latin, chinese = shown.stdout.splitlines()
    assert latin == "True"
    assert "such as 趣: install one (Debian: apt-get install fonts-noto-cjk)" in chinese
