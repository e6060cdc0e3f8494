"""A page as a parser sees it."""

import json
from html.parser import HTMLParser


class Page(HTMLParser):
    """Elements outside scripts, their attributes, and the text of data blocks by id."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.blocks, self.text, self._inside = [], {}, [], None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs).get("id", tag)) if tag in ("script", "style") else self._inside

    def handle_endtag(self, tag):
        self._inside = None if tag in ("script", "style") else self._inside

    def handle_data(self, data):
        if self._inside:
            self.blocks[self._inside[1]] = self.blocks.get(self._inside[1], "") + data
        else:
            self.text.append(data)

    @property
    def said(self):
        return " ".join(" ".join(self.text).split())

    @property
    def figures(self):
        return json.loads(self.blocks["figures"])
