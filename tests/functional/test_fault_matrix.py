"""Every fault against every kind of call, and the table in docs/reliability.md that is made of what was observed.

After a change that is meant to alter the table: `python tests/functional/matrix.py`.
"""

import matrix
import pytest
from matrix import ALWAYS, CALLS, DOCUMENT, FAULTS, METHOD, ONCE, REQUEST, Cell, Matrix

from pocketsflow_async import RetryPolicy

KEYED = ("GET", "POST with a key")
CERTAIN = ("connection refused", *(fault for fault in FAULTS if fault.startswith("429")))
"""Faults after which it is certain that nothing was done."""
FINAL = "2xx with broken JSON"


@pytest.fixture(scope="module")
def observed() -> Matrix:
    return matrix.observe()


def outcomes(cell: Cell) -> tuple[matrix.Outcome, ...]:
    return cell.shortest, cell.longest


def test_no_write_is_done_twice(observed: Matrix) -> None:
    """Whatever goes wrong, once or for ever, the server does the work of a write no more than once."""
    twice = [
        place
        for place, cell in observed.items()
        if place[2] != "GET" and any(outcome.done > 1 for outcome in outcomes(cell))
    ]

    assert twice == []


def test_an_answer_means_that_the_work_was_done(observed: Matrix) -> None:
    """No write that was answered was left undone."""
    empty = [place for place, cell in observed.items() if cell.shortest.result == "answer" and not cell.shortest.done]

    assert empty == []


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_be_repeated_survives_one_fault(observed: Matrix, fault: str) -> None:
    """Reads and writes with a key get their answer in the second try; others where nothing can have been done."""
    for kind in CALLS:
        again = fault != FINAL and (kind in KEYED or fault in CERTAIN)
        for road in (METHOD, REQUEST):
            cell = observed[fault, ONCE, kind, road]

            assert (cell.shortest.result == "answer", cell.shortest.tries) == ((True, 2) if again else (False, 1))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_ends_in_an_error(observed: Matrix, fault: str) -> None:
    """The tries are used up or not begun, and the error tells of each."""
    for kind in CALLS:
        for road in (METHOD, REQUEST):
            for outcome in outcomes(observed[fault, ALWAYS, kind, road]):
                again = fault != FINAL and (kind in KEYED or fault in CERTAIN)

                assert outcome.result != "answer"
                assert (outcome.tries > 1) == again
                assert outcome.tries <= RetryPolicy().attempts
                assert fault == FINAL or len(outcome.told or ()) == outcome.tries


def test_a_method_and_a_request_fare_the_same(observed: Matrix) -> None:
    """`pf.request` is as careful as the typed methods."""
    differing = [
        (fault, often, kind)
        for fault in FAULTS
        for often in (ONCE, ALWAYS)
        for kind in CALLS
        if observed[fault, often, kind, METHOD].text() != observed[fault, often, kind, REQUEST].text()
    ]

    assert differing == []


@pytest.mark.parametrize("fault", [fault for fault, (_, given) in FAULTS.items() if given.keys() - {"status"}])
def test_nobody_comes_back_sooner_than_asked(observed: Matrix, fault: str) -> None:
    """With `Retry-After` each pause is at least that long, whatever was drawn."""
    for (named, often, _, _), cell in observed.items():
        if named == fault and cell.shortest.tries > 1:
            assert cell.shortest.pauses >= 10 * (cell.shortest.tries - 1) - 1e-6, often


@pytest.mark.skipif(not DOCUMENT.exists(), reason="the wheel is tested without its documents")
def test_the_documents_table_is_what_was_observed(observed: Matrix) -> None:
    """docs/reliability.md says what happens, cell by cell."""
    assert matrix.documented() == matrix.table(observed), "write it anew: python tests/functional/matrix.py"
