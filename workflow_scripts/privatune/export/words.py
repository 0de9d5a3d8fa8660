"""The tokeniser of an exported language model, which knows the words that the model knows."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from privatune.text.settings import MARKS, UNK
from privatune.text.tokenizer import words_of


def shortened(tokenizer: Tokenizer, words: int) -> Tokenizer:
    """Return a tokeniser with the first of another one's words, `<unk>` and `<eos>` included; ids stay as they are."""
    found = Tokenizer.from_str(tokenizer.to_str())
    kept = {word: number for number, word in enumerate(words_of(tokenizer)[:words])}
    found.model = WordLevel(kept, unk_token=MARKS[UNK])
    return found
