from pathlib import Path

from pocketsflow_async import Pocketsflow, RetryPolicy
from pocketsflow_async.export import RESOURCES, export
from pocketsflow_async.sandbox import Sandbox

FAULTS: dict[str, dict[str, object]] = {
    "delay": {"seconds": 0.02},
    "status": {"status": 503},
    "reset_before": {},
    "reset_after": {},
    "cut_body": {},
    "stall": {},
    "slow_drip": {"pieces": 5, "pause": 0.01},
    "wrong_type": {},
    "invalid_json": {},
    "wrong_shape": {},
}


async def test_every_fault_at_once_costs_no_record(tmp_path: Path) -> None:
    """With each fault hitting one request in twenty, everything is there, nothing twice, and nothing was written."""
    names = [name for name in RESOURCES if name != "webhooks"]
    async with (
        Sandbox(orders=4000, seed=21, rate_limit=None) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None) as pf,
    ):
        await export(pf, names, to=tmp_path / "calm")
    async with (
        Sandbox(orders=4000, seed=21, rate_limit=None) as sandbox,
        Pocketsflow(
            "pk_test_sandbox",
            base_url=sandbox.url,
            rate_limit=None,
            timeout=1.0,
            retry=RetryPolicy(attempts=12, base_delay=0.01, max_delay=0.05),
        ) as pf,
    ):
        for kind, parameters in FAULTS.items():
            sandbox.faults.add(kind, probability=0.05, **parameters)
        report = await export(pf, names, to=tmp_path / "storm")
        hits = {fault.kind: fault.hits for fault in sandbox.faults}
        writes = {verb: count for (verb, path), count in sandbox.work.items() if verb != "GET" and "ubscr" not in path}

    assert sum(hits.values()) > 30
    assert len([kind for kind, count in hits.items() if count]) >= 8
    assert writes == {}
    assert report.complete
    for name in names:
        calm, storm = ((tmp_path / folder / f"{name}.jsonl").read_bytes() for folder in ("calm", "storm"))
        assert storm == calm, name
