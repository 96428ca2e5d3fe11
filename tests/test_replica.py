from tests.subproject import run_pytest


def test_a_project_with_a_replica_reads_where_it_writes():
    """The contract of ``tests/replica/contract.py``: two aliases, reads routed to the stale one."""
    run_pytest("tests.replica.settings", "tests/replica/contract.py")
