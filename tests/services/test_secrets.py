from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import create_engine

from dataops_lab.domain.secrets import environment_scope
from dataops_lab.encryption import AesEncryptor, Keys
from dataops_lab.errors import Conflict, Damaged, NotFound, Refused, SecretsLocked
from dataops_lab.services import environments, secrets
from dataops_lab.store.tables import metadata
from dataops_lab.testing import person

SANDBOX = environment_scope("sandbox")


@pytest.fixture
def ctx(ctx, tmp_path):
    """Services with the real vault."""
    return replace(ctx, vault=AesEncryptor(Keys(tmp_path / "keys.json", {})))


def test_a_secret_is_known_by_name_and_version_and_opened_only_for_a_launch(ctx):
    secrets.put(ctx, "sandbox", "PASSWORD", "correct horse", by=person("ann"))
    secrets.put(ctx, "sandbox", "PASSWORD", "battery staple", by=person("bob"))
    (found,) = secrets.list_secrets(ctx, "sandbox")
    assert (found.name, found.version, found.changed_by, found.is_set) == ("PASSWORD", 2, person("bob"), True)
    assert "battery" not in repr(found)
    assert secrets.decrypt_all(ctx, SANDBOX) == {"PASSWORD": "battery staple"}


def test_the_database_has_no_value_in_clear(ctx, tmp_path, database):
    secrets.put(ctx, "sandbox", "PASSWORD", "correct horse battery", by=person("ann"))
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = [repr(row) for table in metadata.sorted_tables for row in connection.execute(table.select())]
    engine.dispose()
    assert any("PASSWORD" in row for row in rows)
    assert not [row for row in rows if "correct horse battery" in row]
    # On SQLite this covers also the bytes of the file beside its rows.
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"correct horse" in path.read_bytes()]


def test_one_environment_has_none_of_another(ctx):
    secrets.put(ctx, "production", "PASSWORD", "correct horse", by=person("ann"))
    assert not secrets.list_secrets(ctx, "sandbox") and secrets.decrypt_all(ctx, SANDBOX) == {}


def test_a_sealed_value_that_is_moved_to_another_name_does_not_open(ctx):
    secrets.put(ctx, "production", "PASSWORD", "correct horse", by=person("ann"))
    with ctx.store.begin() as tx:
        stolen = tx.secrets.find(environment_scope("production"), "PASSWORD")
        tx.secrets.put(replace(stolen, scope=SANDBOX))
    with pytest.raises(Damaged):
        secrets.decrypt_all(ctx, SANDBOX)


def test_what_is_removed_is_gone(ctx):
    secrets.put(ctx, "sandbox", "PASSWORD", "correct horse", by=person("ann"))
    secrets.remove(ctx, "sandbox", "PASSWORD", by=person("ann"))
    assert not secrets.list_secrets(ctx, "sandbox")
    with pytest.raises(NotFound):
        secrets.remove(ctx, "sandbox", "PASSWORD", by=person("ann"))


def test_a_name_is_a_variable_or_a_secret(ctx):
    environments.set_variable(ctx, "sandbox", "A", "x", by=person("ann"))
    secrets.put(ctx, "sandbox", "B", "y", by=person("ann"))
    with pytest.raises(Conflict):
        secrets.put(ctx, "sandbox", "A", "x", by=person("ann"))
    with pytest.raises(Conflict):
        environments.set_variable(ctx, "sandbox", "B", "y", by=person("ann"))


@pytest.mark.parametrize("value", ["", "x" * 1_000_000, "hidden\0canary"])
def test_a_value_that_cannot_be_is_refused_and_not_quoted(ctx, value):
    with pytest.raises(Refused) as refused:
        secrets.put(ctx, "sandbox", "PASSWORD", value, by=person("ann"))
    assert "hidden" not in str(refused.value) and "xxx" not in str(refused.value)
    assert not secrets.list_secrets(ctx, "sandbox")


def test_runs_are_refused_while_a_secret_that_is_expected_was_not_set(ctx, submit):
    with ctx.store.begin() as tx:
        secrets.expect(ctx, tx, "sandbox", "PASSWORD", by=person("ann"))
    (found,) = secrets.list_secrets(ctx, "sandbox")
    assert not found.is_set
    from dataops_lab.domain.runs import Submission
    from dataops_lab.services import runs

    with pytest.raises(Refused, match="secrets set sandbox PASSWORD") as refused:
        runs.submit(ctx, Submission(path="/notebooks/sales.ipynb"), by=person("ann"))
    assert refused.value.precise_code == "secret_not_set"
    secrets.put(ctx, "sandbox", "PASSWORD", "correct horse", by=person("ann"))
    runs.submit(ctx, Submission(path="/notebooks/sales.ipynb"), by=person("ann"))


def test_a_new_key_takes_over_and_the_old_one_opens_nothing_any_more(ctx, tmp_path):
    secrets.put(ctx, "sandbox", "A", "first", by=person("ann"))
    secrets.put(ctx, "production", "B", "second", by=person("ann"))
    old = AesEncryptor(Keys(tmp_path / "old.json", {}))
    (tmp_path / "old.json").write_bytes((tmp_path / "keys.json").read_bytes())
    rotated = secrets.rotate_key(ctx, by=person("ann"))
    assert rotated.secrets == 2
    assert secrets.decrypt_all(ctx, SANDBOX) == {"A": "first"}
    assert [secret.version for secret in secrets.list_secrets(ctx, "sandbox")] == [1]
    with pytest.raises(SecretsLocked):
        secrets.decrypt_all(replace(ctx, vault=old), SANDBOX)


def test_a_rotation_that_was_interrupted_has_lost_nothing_and_can_be_repeated(ctx, monkeypatch):
    secrets.put(ctx, "sandbox", "A", "first", by=person("ann"))

    def killed(*_, **__):
        raise KeyboardInterrupt

    for verb in ("rewrap", "forget_older_keys"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(AesEncryptor, verb, killed)
            secrets.rotate_key(ctx, by=person("ann"))
        assert secrets.decrypt_all(ctx, SANDBOX) == {"A": "first"}
    secrets.rotate_key(ctx, by=person("ann"))
    assert secrets.decrypt_all(ctx, SANDBOX) == {"A": "first"}
