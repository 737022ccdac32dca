"""`make messages`: the words of the staff pages, from their code into web/locale/*/LC_MESSAGES, and compiled there.

With Babel and Django alone, so that nobody needs GNU gettext; what is compiled lies beside it in git, so that whoever
runs the pages needs neither.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_javascript
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from devstack.paths import CHECKOUT

WEB = CHECKOUT / "web"
FUNCTIONS = {"gettext", "gettext_lazy", "ngettext", "_"}
# What Django's `{% translate %}`, `_()` and `{% blocktranslate %}` hold; templates here use no more than this of them.
IN_TEMPLATES = re.compile(r'{%\s*translate\s+"([^"]+)"|_\("([^"]+)"\)')
BLOCK = re.compile(r"{%\s*blocktranslate\b[^%]*%}(.*?)(?:{%\s*plural\s*%}(.*?))?{%\s*endblocktranslate\s*%}", re.DOTALL)
VARIABLE = re.compile(r"{{\s*(\w+)\s*}}")

Words = str | tuple[str, str]
Found = tuple[Words, str]


def of_templates() -> Iterator[Found]:
    for path in sorted((WEB / "templates").rglob("*.html")):
        text, name = path.read_text(), str(path.relative_to(CHECKOUT))
        for simple in IN_TEMPLATES.finditer(text):
            yield simple[1] or simple[2], name
        for block in BLOCK.finditer(text):
            one = _placeholders(block[1])
            yield (one, _placeholders(block[2])) if block[2] else one, name


def _placeholders(text: str) -> str:
    return VARIABLE.sub(r"%(\1)s", text.replace("%", "%%"))


def of_python() -> Iterator[Found]:
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in FUNCTIONS:
                continue
            words = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            if words:
                yield (words[0], words[1]) if len(words) > 1 else words[0], str(path.relative_to(CHECKOUT))


def of_scripts() -> Iterator[Found]:
    keywords = {"gettext": None, "ngettext": (1, 2)}
    for path in sorted((WEB / "static/web").glob("*.js")):
        name = str(path.relative_to(CHECKOUT))
        with path.open("rb") as script:
            for _, function, found, _ in extract_javascript(script, keywords, [], {"parse_template_string": True}):
                words: Any = found  # a text, or two where there is a plural
                yield (words[0], words[1]) if function == "ngettext" else words, name


DOMAINS = {"django": (of_templates, of_python), "djangojs": (of_scripts,)}


def extracted(domain: str) -> Catalog:
    """All words of a domain, as the code has them now, without any translation."""
    catalog = Catalog(project="Salon booking", version="", charset="utf-8", fuzzy=False)
    for source in DOMAINS[domain]:
        for words, path in source():
            catalog.add(words, locations=[(path, 0)])
    return catalog


def catalog_of(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def _bring_up_to_date(catalog: Catalog, domain: str) -> None:
    """New words in, old ones out; nothing in the file changes where none did."""
    template = extracted(domain)
    template.creation_date = catalog.creation_date
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    catalog.revision_date = catalog.creation_date
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = ""


def compiled(catalog: Catalog) -> bytes:
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def strings_of(message: Message) -> list[str]:
    """Its translations, one for each number that the language tells apart; empty where there is none yet."""
    strings = message.string
    return [string or "" for string in (strings if isinstance(strings, tuple | list) else [strings])]


def untranslated(catalog: Catalog) -> list[str]:
    """What has no translation, or not of each of its numbers."""
    return [str(each.id) for each in catalog if each.id and not all(strings_of(each))]


def main() -> int:
    for domain in DOMAINS:
        for path in sorted((WEB / "locale").glob(f"*/LC_MESSAGES/{domain}.po")):
            catalog = catalog_of(path)
            _bring_up_to_date(catalog, domain)
            with path.open("wb") as file:
                write_po(file, catalog, width=120, sort_output=True, include_lineno=False)
            path.with_suffix(".mo").write_bytes(compiled(catalog_of(path)))
            missing = untranslated(catalog)
            name = path.relative_to(CHECKOUT)
            print(f"{name}: {len(catalog)} messages, {len(missing)} without a translation")
            for words in missing:
                print(f"  {words}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
