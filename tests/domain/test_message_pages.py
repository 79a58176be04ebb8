"""The body of a message: whatever its words are, they stay words."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from dataops_lab.domain.message_pages import (
    Code,
    Command,
    Facts,
    Heading,
    Items,
    Link,
    Paragraph,
    Picture,
    as_html,
    as_text,
    first_lines,
    last_lines,
    one_line,
)

HOSTILE = "</pre></title><script>alert(1)</script>\"'><img src=x onerror=1>\r\nBcc: all@example.org\x1b[31m\u202e\x00"
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "p", "table", "tr", "th", "td", "ul", "li", "pre",
    "img", "a", "br",
}  # fmt: skip


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def parts_of(text: str):
    return [
        Heading(text),
        Paragraph(text),
        Facts(((text, text),)),
        Items((text, text)),
        Code(text),
        Code(text, is_error=True),
        Picture(text, text),
        Link(text, f"https://hub.example/lab?dataops-run={text}"),
        Command(text),
    ]


def test_hostile_words_add_no_element_and_no_attribute():
    seen = Seen()
    seen.feed(as_html(HOSTILE, parts_of(HOSTILE)))
    harmless = Seen()
    harmless.feed(as_html("x", parts_of("x")))
    # A break of lines in a paragraph is the only element that words can add.
    assert [tag for tag, _ in seen.tags if tag != "br"] == [tag for tag, _ in harmless.tags]
    assert {tag for tag, _ in seen.tags} <= ALLOWED
    assert all(
        set(attributes) <= {"class", "src", "alt", "href", "charset", "name", "content"} for _, attributes in seen.tags
    )
    assert [attributes["src"][:4] for tag, attributes in seen.tags if tag == "img"] == ["cid:"]


@pytest.mark.parametrize("shown", [as_text(parts_of(HOSTILE)), as_html("t", parts_of(HOSTILE))])
def test_nothing_that_turns_text_around_or_that_terminals_obey_is_left(shown):
    assert not {"\x1b", "\x00", "\u202e", "\r"} & set(shown)


@pytest.mark.parametrize("text", [HOSTILE, "a\nb", "a\u2028b", "a\x85b"])
def test_one_line_is_one_line(text):
    assert len(one_line(text, 50).splitlines()) == 1
    assert len(one_line(text * 99, 50)) <= 50


def test_text_has_all_that_the_page_has():
    parts = [Heading("Sales"), Facts((("Run", "R1"), ("Version", "3"))), Items(("North", "South")), Code("a\n  b")]
    assert as_text(parts) == "Sales\n\nRun      R1\nVersion  3\n\n- North\n- South\n\n    a\n      b\n"


def test_long_texts_say_how_many_lines_are_missing():
    text = "\n".join(map(str, range(10)))
    assert first_lines(text, 2, 9) == "0\n1\n… 8 more lines"
    assert last_lines(text, 9, 9).splitlines()[:2] == ["… 1 more line", "1"]
    assert first_lines("x" * 99, 2, 9) == "xxxxxxxxx…"
