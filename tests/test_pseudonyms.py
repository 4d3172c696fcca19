"""Customers leave the engine under keyed pseudonyms; the key comes from the environment or a private file."""

from __future__ import annotations

import pytest

from cj_helpers.contract import ConfigError
from cj_helpers.dataset import open_dataset
from cj_helpers.dataset.pseudonyms import customer_pseudonyms, key_id, pseudonym, pseudonym_key
from cj_helpers.runner.source import open_source

YML = """\
version: 1
name: Test
as_of: 2024-06-01
tables:
  customers:
    - source: c.csv
      columns: {customer_id: id, started_at: a}
privacy: {pseudonym_key_file: secret.key}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dataset.yml").write_text(YML)
    (tmp_path / "c.csv").write_text("id,a\nC1,2024-01-01\nC2,2024-01-01\n")
    return tmp_path


def test_the_pseudonym_is_hmac_sha256():
    """RFC 4231, test case 2: the digest begins with 5bdcc146bf60754e."""
    assert pseudonym("what do ya want for nothing?", b"Jefe") == "5bdcc146bf60754e"


def test_a_key_from_a_private_file(folder):
    (folder / "secret.key").write_text("0123456789abcdef\n")
    (folder / "secret.key").chmod(0o600)
    data = open_dataset(folder)
    table = customer_pseudonyms(data, data.customers)
    assert table["pseudonym"].tolist() == [pseudonym(name, b"0123456789abcdef") for name in ("C1", "C2")]


def test_a_key_that_others_may_read_is_refused(folder):
    (folder / "secret.key").write_text("0123456789abcdef\n")
    (folder / "secret.key").chmod(0o644)
    with pytest.raises(ConfigError, match=r"others may read secret\.key; say `chmod 600`"):
        pseudonym_key(open_dataset(folder))


def test_no_key_is_an_error(folder):
    with pytest.raises(ConfigError, match="there is no key"):
        pseudonym_key(open_dataset(folder))


def test_the_name_of_the_key_goes_into_the_manifest_and_public_data_have_none(folder):
    assert open_source(folder).key_id == ""
    (folder / "secret.key").write_text("0123456789abcdef\n")
    (folder / "secret.key").chmod(0o600)
    assert open_source(folder).key_id == key_id(b"0123456789abcdef")
    text = (folder / "dataset.yml").read_text()
    (folder / "dataset.yml").write_text(text.replace("privacy: {", "privacy: {public: true, "))
    assert open_source(folder).key_id == ""


def test_the_id_of_a_key_tells_keys_apart_and_holds_nothing_of_them():
    assert key_id(b"one") != key_id(b"two")
    assert len(key_id(b"one")) == 8
