import pytest

from dataops_lab.runner.libraries import READ_FROM_ENVIRONMENT
from dataops_lab.runner.preload import is_compatible

OWN = {"HOME": "/home/me", "REGION": "eu", "DATAOPS_LAB_ATTEMPT": "   "}
SAME = {**OWN, "DATAOPS_LAB_ATTEMPT": "01A-1", "DATAOPS_LAB_VALUES": "/runs/01A-1/values", "JPY_PARENT_PID": "7"}


@pytest.mark.parametrize(
    ("wanted", "without", "with_libraries"),
    [
        (SAME, True, True),
        ({**SAME, "REGION": "us"}, True, False),
        ({**SAME, "PASSWORD": "secret"}, True, True),
        ({**SAME, "OMP_NUM_THREADS": "1"}, True, False),
        ({**SAME, "MPLBACKEND": "agg"}, True, False),
        ({**SAME, "PYTHONHASHSEED": "1"}, False, False),
        ({**SAME, "HOME": "/home/you"}, False, False),
        ({name: value for name, value in SAME.items() if name != "REGION"}, True, False),
    ],
)
def test_a_process_serves_a_run_whose_variables_are_those_that_were_read(wanted, without, with_libraries):
    assert is_compatible(OWN, wanted, None) is without
    assert is_compatible(OWN, wanted, READ_FROM_ENVIRONMENT) is with_libraries
