from __future__ import annotations

import pytest

from dataops_lab.domain.variables import check_name, check_value
from dataops_lab.errors import Refused


@pytest.mark.parametrize("name", ["A", "_a1", "REGION", "CUDA_VISIBLE_DEVICES", "HTTP_PROXY", "GIT_AUTHOR_NAME"])
def test_an_identifier_is_a_name(name):
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "path",
        "LD_PRELOAD",
        "PYTHONPATH",
        "DATAOPS_LAB_KEY",
        "JUPYTER_TOKEN",
        "HOME",
        "_",
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_COUNT",
        "PAGER",
    ],
)
def test_a_name_that_decides_how_programs_start_is_reserved(name):
    with pytest.raises(Refused) as refused:
        check_name(name)
    assert refused.value.precise_code == "reserved_variable_name"


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=B", "Ä", "A\n", "A" * 101])
def test_a_name_is_an_identifier(name):
    with pytest.raises(Refused) as refused:
        check_name(name)
    assert refused.value.precise_code == "invalid_variable_name"


@pytest.mark.parametrize("value", ["x" * 64_001, "a\0b", "\ud800"])
def test_a_value_that_no_process_could_be_given_is_refused(value):
    with pytest.raises(Refused):
        check_value("A", value)
