"""Public sentences that the page types by itself."""

from pathlib import Path

from privatune.core.errors import PrivatuneError

OURS = Path(__file__).with_name("sentences.txt")


def read_sentences(path: str | Path) -> dict[str, list[str]]:
    """Return the sentences of a text file by the title of their source.

    A line that begins with `# ` is a title, and any other line that is not empty is a sentence.

    Raises PrivatuneError naming the file when it cannot be read or a sentence stands before the first title.
    """
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise PrivatuneError(f"{path}: no text ({type(error).__name__}); give a file in UTF-8") from error
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        if line.startswith("# "):
            title = line[2:].strip()
            found.setdefault(title, [])
        elif line.strip():
            if not found:
                raise PrivatuneError(f"{path}: line {number} has no title; begin with a line such as `# Letters`")
            found[title].append(line.strip())
    return {title: sentences for title, sentences in found.items() if sentences}
