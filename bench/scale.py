"""Scale: more worker processes on the same latency, and more samples in one database.

Workers: 32 calls in flight in each, assistants take one second; twice the processes should make twice the answers, as
long as there is CPU for them. Samples: the same 1,024 answers are asked, read and reported with 1,000, 10,000 and
100,000 samples in the database; what an answer costs the workers and PostgreSQL together should stay the same. The
database is filled with copies of an execution that went through the pipeline.
"""

from __future__ import annotations

from bench.installation import Installation, Meter, Servers, installation, plan, progress, say, servers, threads_for

WORKERS = (1, 2, 4)
LATENCY_MS, EACH = 1000, 32
ASKED = 1024
SIZES = (1_000, 10_000, 100_000)
ROUNDS = 3
#: the copies' ids, beside those of the execution that is copied
NAMED = """
CREATE TEMP TABLE copied AS
SELECT e.execution_id, gen_random_uuid()::text AS copy, n FROM executions e, generate_series(1, %s) n
WHERE e.execution_id = '{execution_id}'"""
NUMBERED = """
CREATE TEMP TABLE numbered AS
SELECT s.sample_id, nextval(pg_get_serial_sequence('samples', 'sample_id')) AS copy_id, c.copy
FROM samples s JOIN copied c USING (execution_id)"""
COLUMNS = """
SELECT table_name, array_agg(column_name::text) FROM information_schema.columns
WHERE table_schema = 'public' AND table_name IN (SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE') GROUP BY table_name"""
#: they need their rows before the others, which refer to them
FIRST = ("executions", "samples")
#: whose rows are not an execution's
LEFT_OUT = frozenset({"deliveries"})


def fill(ours: Installation, execution_id: str, copies: int) -> None:
    """Put so many copies of an execution into the database, in all tables that hold something of it."""
    assert ours.database is not None
    with ours.database.transaction():
        ours.database.execute("DROP TABLE IF EXISTS copied, numbered")
        ours.database.execute(NAMED.format(execution_id=execution_id), (copies,))
        ours.database.execute(NUMBERED)
        tables = dict(ours.rows(COLUMNS))
        for table in (*FIRST, *(name for name in sorted(tables) if name not in (*FIRST, *LEFT_OUT))):
            columns: list[str] = tables[table]
            taken = {"execution_id": "c.copy", "sample_id": "c.copy_id"}
            if "sample_id" in columns:
                source = f"{table} t JOIN numbered c USING (sample_id)"
            elif "execution_id" in columns:
                source = f"{table} t JOIN copied c USING (execution_id)"
            else:
                continue
            names = ", ".join(f'"{column}"' for column in columns)
            values = ", ".join(taken.get(column, f't."{column}"') for column in columns)
            ours.database.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {source}")
    ours.database.execute("VACUUM ANALYZE")
    ours.database.execute("CHECKPOINT")


def with_workers(given: Servers, number: int) -> tuple[float, float]:
    """Answers per second, and CPU seconds for an answer, of so many fetching processes and one that reads."""
    with installation(given, latency_ms=LATENCY_MS, in_flight=EACH) as ours:
        ours.serve()
        # twice the threads, so that each has more calls claimed than it may have in flight
        pids = [ours.worker("fetch", threads=threads_for(2 * EACH, alone=True)).pid for _ in range(number)]
        pids.append(ours.worker("analyze", "report", threads=2).pid)
        ours.wait_workers(number)
        ours.warm_up()
        samples = number * EACH * 8
        meter = Meter(*pids)
        ours.wait_ended(ours.submit(plan(samples)), 120)
        meter.stop()
        return samples / meter.wall_s, meter.total_s / samples


def more_workers(given: Servers) -> None:
    rate_of_one = None
    for number in WORKERS:
        name = f"scale: {number} worker process{'es' * (number > 1)}, {EACH} calls each"
        progress(name)
        rate, each = with_workers(given, number)
        rate_of_one = rate_of_one or rate
        say(f"{name}: rate", rate, "answers/s", "1 worker process", rate / rate_of_one)
        say(f"{name}: CPU", each * 1000, "ms/answer")


def more_samples(given: Servers) -> None:
    first = None
    with installation(given, latency_ms=0) as ours:
        ours.serve()
        workers = [
            ours.worker("fetch", threads=threads_for(512, alone=True)).pid,
            ours.worker("analyze", "report", threads=2).pid,
        ]
        ours.warm_up()
        original = ours.submit(plan(512))
        ours.wait_ended(original, 60)
        for size in SIZES:
            there = ours.answers()
            fill(ours, original, max(0, round((size - there) / 512)))
            name = f"scale: {ours.answers():,} samples in the database"
            progress(name)
            costs = []
            for _ in range(ROUNDS):
                meter = Meter(*workers, given.postgres_pid)
                ours.wait_ended(ours.submit(plan(ASKED)), 120)
                meter.stop()
                server = meter.cpu_s[given.postgres_pid]
                costs.append((meter.total_s / ASKED, server / ASKED))
            both, server = sorted(costs)[ROUNDS // 2]
            first = first or both
            ratio_to = f"with {SIZES[0]:,}"
            say(f"{name}: CPU of workers and PostgreSQL", both * 1000, "ms/answer", ratio_to, both / first)
            say(f"{name}: CPU of PostgreSQL", server * 1000, "ms/answer")


def main() -> None:
    with servers() as given:
        more_workers(given)
        more_samples(given)


if __name__ == "__main__":
    main()
