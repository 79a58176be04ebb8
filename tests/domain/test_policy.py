from __future__ import annotations

import pytest

from dataops_lab.domain.policy import POLICY, Access, ObjectKind, Verb, required_access

# The policy again, written by hand: object, then the verbs that are open to anybody, to owners, to administrators.
BY_HAND = [
    ("installation", "read", "", "change"),
    ("contents", "change", "", ""),
    ("projects", "read", "", "change"),
    ("jobs", "read run", "change", ""),
    ("runs", "read run reproduce", "cancel keep delete verify publish", ""),
    ("environments", "read run decide publish", "", "change"),
    ("guarded_environments", "", "", "run decide publish"),
    ("variables", "read", "", "change"),
    ("secrets", "read", "", "change"),
    ("images", "read", "", "run change"),
    ("registries", "read", "", "change"),
    ("retention", "read", "", "change"),
    ("configuration", "read", "", "change"),
    ("schedules", "read", "run change delete", ""),
    ("calendars", "read", "", "change"),
    ("targets", "read", "", "change"),
    ("deliveries", "", "", "read"),
    ("audit", "", "", "read verify"),
    ("subscriptions", "read change", "", ""),
]


def test_each_verb_is_open_to_those_that_the_table_names_and_no_other_verb_is_open():
    written = {
        ObjectKind(name): {
            Verb(verb): Access(whom) for verbs, whom in zip(open_to, Access, strict=True) for verb in verbs.split()
        }
        for name, *open_to in BY_HAND
    }
    assert written == POLICY
    assert list(Access) == ["anybody", "owner", "administrator"]


def test_what_nobody_decided_is_open_to_nobody():
    with pytest.raises(KeyError):
        required_access(Verb.DELETE, ObjectKind.SECRET)
