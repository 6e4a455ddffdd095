"""The method version: everything that decides what a number is changes it, and nothing else."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import pytest

import brandq
from brandq.analysis import method
from brandq.analysis.method import code_digest, method_version
from brandq.plan import Brand

BRANDS = (Brand("欧派", ("OPPEIN",)), Brand("志邦"), Brand("理想", ambiguous=True, context=("增程",)))


def test_every_file_of_the_reading_and_the_measuring_counts() -> None:
    """Given the packages as they stand on disk, then each Python file of theirs is one that the digest covers."""
    root = Path(brandq.__file__).parent
    for package in ("analysis", "measures"):
        on_disk = {str(path.relative_to(root / package)) for path in (root / package).rglob("*.py")}
        assert set(method._modules(f"brandq.{package}")) == on_disk


def test_one_letter_of_the_code_is_another_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a file of a word list that reads otherwise, then the digest is another one."""
    before = code_digest.__wrapped__()
    assert before == code_digest.__wrapped__()
    true_data = pkgutil.get_data

    def changed(package: str, name: str) -> bytes | None:
        data = true_data(package, name)
        return data + b"#" if name == "lexicon/zh.py" and data else data

    monkeypatch.setattr(pkgutil, "get_data", changed)
    assert code_digest.__wrapped__() != before


def test_the_brands_belong_to_the_method() -> None:
    """Given another alias, context or subject, then the version is another one; the order of competitors changes nothing."""
    version = method_version(BRANDS)
    assert version.startswith(method.RELEASE + "+")
    assert len(version) <= 80, "as long as its column"
    assert method_version((BRANDS[0], BRANDS[2], BRANDS[1])) == version
    assert method_version((BRANDS[1], BRANDS[0], BRANDS[2])) != version
    assert method_version((Brand("欧派"), *BRANDS[1:])) != version
    assert method_version((*BRANDS[:2], Brand("理想", ambiguous=True, context=("L9",)))) != version
