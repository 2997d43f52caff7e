"""Lets MkDocs read the repository as it is: pages outside of docs/, and links that hold on GitHub."""

import os
import re
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
# Files beside docs/, and the pages that they become.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "SECURITY.md": "security-policy.md",
}
PATHS = {page: path for path, page in PAGES.items()}
# A link or an image of Markdown: the text, the place, an anchor.
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files, config):
    for path, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown, page, config, files):
    here = ROOT / PATHS.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def replace(link):
        opening, place, anchor, closing = link.groups()
        if ":" in place:
            return link[0]
        target = Path(os.path.normpath(here.parent / place))
        if not target.exists() or not target.is_relative_to(ROOT):
            raise PluginError(f"{here.relative_to(ROOT)} links to {place}, which does not exist")
        path = target.relative_to(ROOT).as_posix()
        uri = PAGES.get(path) or path.removeprefix("docs/")
        if files.get_file_from_path(uri):
            uri = os.path.relpath(uri, os.path.dirname(page.file.src_uri) or ".")
        else:
            kind = "tree" if target.is_dir() else "blob"
            uri = f"{config.repo_url}/{kind}/main/{path}"
        return f"{opening}{uri}{anchor or ''}{closing}"

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(replace, part) for part in parts)
