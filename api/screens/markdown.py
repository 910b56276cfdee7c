"""Markdown of approvals as HTML that can do nothing: no own markup, no images, safe links."""

from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

from api.screens.wording import visible

SCHEMES = ("http://", "https://", "mailto:")
MAX_BODY = 20_000


def _is_safe(url: str) -> bool:
    return url.lower().startswith(SCHEMES)


def _open_link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return renderer.renderToken(tokens, index, options, env)


@cache
def reader() -> MarkdownIt:
    """Return what reads Markdown here: links to pages and mail only, no images, no markup."""
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False})
    reader.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    reader.validateLink = _is_safe  # type: ignore[method-assign]
    reader.add_render_rule("link_open", _open_link)
    return reader


def markdown(text: str) -> Markup:
    """Return a text in Markdown as HTML; headings of a page's own rank are lowered."""
    cut = text[:MAX_BODY]
    html = reader().render(visible(cut))
    for rank in (3, 2, 1):
        html = html.replace(f"<h{rank}>", f"<h{rank + 2}>").replace(
            f"</h{rank}>", f"</h{rank + 2}>"
        )
    if len(text) > MAX_BODY:
        html += f'<p class="cut">cut: {MAX_BODY:,} of {len(text):,} characters are shown</p>'
    # Everything in it was escaped by the renderer; only its own tags are left.
    return Markup(html)  # noqa: S704
