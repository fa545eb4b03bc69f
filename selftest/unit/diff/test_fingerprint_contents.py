from postmigration.diff.fingerprint_contents import BucketDifference, FingerprintComparison


def test_differences_are_counted_at_the_least() -> None:
    different = (
        BucketDifference(0, 5, 3),
        BucketDifference(1, 2, 6),
        BucketDifference(2, 4, 4),
        BucketDifference(3, 1, 0),
    )
    found = FingerprintComparison(12, 13, 4, 0, 0, different, (), "", frozenset())
    assert (found.missing, found.extra, found.changed, found.wrong) == (3, 4, 1, 8)
    assert found.kinds == {"missing": 3, "extra": 4, "changed": 1}
    assert found.counts == "at least 3 missing, 4 extra, 1 changed"
