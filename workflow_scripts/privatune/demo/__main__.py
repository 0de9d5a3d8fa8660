"""Type on a keyboard that exported language models drive: `python -m privatune.demo results/export`."""

import argparse
from collections.abc import Sequence
from contextlib import suppress

from privatune.core.program import program, say
from privatune.demo.exported import exported_models
from privatune.demo.sentences import OURS, read_sentences
from privatune.demo.server import HOST, app, listening, server


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and serve the page until Ctrl-C; what is wrong is one line."""
    options = _options().parse_args(arguments)
    with program("demo"):
        models = exported_models(options.folder, "int8" if options.int8 else "float32")
        served = app(models, read_sentences(options.sentences))
        with listening(options.port) as listener:
            say(f"demo: {len(models)} models; open http://{HOST}:{listener.getsockname()[1]} (Ctrl-C ends it)")
            with suppress(KeyboardInterrupt):  # there is none if whoever started this program ignores Ctrl-C
                server(served).run([listener])
            say("demo: ended")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m privatune.demo",
        description="Type on a keyboard that exported language models drive. Only this machine can open its page.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("folder", help="folder with a folder for each exported model, results/export")
    add("--port", type=int, default=8765, help="port of the page; 0 chooses a free one (%(default)s)")
    add("--int8", action="store_true", help="run the models with 8-bit weights")
    add("--sentences", default=OURS, help="text file with public sentences to type at a press, each on a line")
    return parser


if __name__ == "__main__":
    main()
