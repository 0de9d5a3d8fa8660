"""A Hugging Face dataset: one of the hub, by its name, or a local folder."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from privatune.core.errors import PrivatuneError
from privatune.core.settings import UserPath
from privatune.corpora.columns import ColumnSource, Record, rows
from privatune.corpora.rows import Rows


class HuggingFaceSource(ColumnSource):
    """A dataset of the Hugging Face hub, streamed, or a folder with data files or the output of `save_to_disk`."""

    kind: Literal["huggingface"] = "huggingface"
    dataset: UserPath = Field(
        min_length=1, description="name on the hub, such as `Salesforce/wikitext`, or a local folder"
    )
    subset: str | None = Field(None, description="configuration of the dataset, such as `wikitext-103-raw-v1`")
    revision: str | None = Field(None, description="branch, tag or commit; a commit always gives the same text")
    splits: dict[Literal["train", "valid", "test"], str] = Field(
        {"train": "train"},
        description="the split of the dataset for each part; private and labelled text comes from all splits listed",
    )

    def inputs(self) -> list[str]:
        """The files of a local dataset."""
        folder = Path(self.dataset)
        return sorted(str(path) for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []

    def words(self) -> int:
        """For a local folder a bound by the sizes of its files; for a dataset of the hub a guess."""
        return super().words() or 100_000_000


SETTINGS = HuggingFaceSource


def read(settings: HuggingFaceSource, path: str | Path | None = None) -> Rows:
    """Yield the rows of the listed splits; raises PrivatuneError when the dataset, a split or a column is missing."""
    return rows(_records(settings), settings)


def _records(settings: HuggingFaceSource) -> Iterator[Record]:
    for part, split in settings.splits.items():
        number = 0
        try:
            loaded = _load(settings, split)
            names = _label_names(loaded, settings)
            for values in islice(loaded, settings.max_rows):
                number += 1
                if number == 1:
                    _refuse_twice(values, settings, split)
                if names:  # -1 stands for no label
                    place = values[settings.label_column]
                    values |= {settings.label_column: names[place] if place in range(len(names)) else None}
                yield Record(f"{settings.dataset} {split} row", number, values, part)
        except PrivatuneError:
            raise
        except Exception as error:  # datasets raises many kinds of errors; from None: the cause may quote the text
            raise PrivatuneError(
                f"{settings.dataset}: split `{split}` cannot be read past row {number} ({type(error).__name__});"
                " check `dataset`, `subset`, `revision` and `splits`, and the network when it is on the hub"
            ) from None


def _label_names(loaded: Any, settings: HuggingFaceSource) -> list[str] | None:
    """Names of the labels, if the dataset stores each label as its place in a list of names (`ClassLabel`)."""
    features = loaded.features if settings.role == "labelled" else None
    return getattr((features or {}).get(settings.label_column), "names", None)


def _load(settings: HuggingFaceSource, split: str) -> Any:
    import datasets  # here, not above: the Snakefile imports this module for its settings

    datasets.utils.logging.set_verbosity(datasets.logging.CRITICAL)  # its messages may quote the text
    folder = Path(settings.dataset)
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        saved = datasets.load_from_disk(str(folder))
        return saved[split] if isinstance(saved, datasets.DatasetDict) else saved
    builder = datasets.load_dataset_builder(settings.dataset, settings.subset, revision=settings.revision)
    if hasattr(builder.config, "keep_default_na"):  # CSV: the text as it stands, or NA is left out and 007 becomes 7
        builder.config.keep_default_na, builder.config.na_values = False, [""]
        if builder.config.features is None:
            columns = list(next(iter(builder.as_streaming_dataset(split=split)), ()))
            builder.config.features = datasets.Features(dict.fromkeys(columns, datasets.Value("string")))
    return builder.as_streaming_dataset(split=split)


def _refuse_twice(values: dict[str, Any], settings: HuggingFaceSource, split: str) -> None:
    """Raise PrivatuneError if a column that is used stands twice: `datasets` names the second one `text.1`."""
    for column in settings.columns():
        if f"{column}.1" in values:
            raise PrivatuneError(
                f"{settings.dataset}: split `{split}` has the column `{column}` twice; rename or remove one of them"
            )
