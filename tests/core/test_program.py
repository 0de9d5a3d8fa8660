import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.program import program, say


@pytest.mark.parametrize(
    ("error", "status", "line"), [(PrivatuneError("no\nfile"), 1, "no file"), (KeyboardInterrupt(), 130, "interrupted")]
)
def test_a_program_ends_with_one_line(error, status, line, capsys):
    with pytest.raises(SystemExit) as ended, program("vendor"):
        say("begins")
        raise error
    assert ended.value.code == status
    assert capsys.readouterr() == ("begins\n", f"vendor: {line}\n")


def test_a_fault_of_the_program_itself_is_not_hidden():
    with pytest.raises(ZeroDivisionError), program("vendor"):
        raise ZeroDivisionError
