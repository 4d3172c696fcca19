"""A data set in a warehouse gives the same tables as its files: the sample on PostgreSQL and on Spark."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pytest
import yaml
from ibis import _

from cj_helpers.dataset import customer_frame, open_dataset, raw_id_hashes, survey_frame
from cj_helpers.dataset.columns import INTERNAL_PREFIX
from cj_helpers.dataset.config import read_config
from cj_helpers.dataset.engine import start_duckdb
from cj_helpers.dataset.readers import read_raw
from cj_helpers.dataset.scan import scan_file
from cj_helpers.dataset.sources import load_source
from cj_helpers.dataset.zones import define_to_utc, to_utc, to_utc_on_duckdb, to_utc_on_spark
from cj_helpers.dataset.zones import transitions as clock_changes
from cj_helpers.journeys import build_journeys, build_steps, journey_frame
from cj_helpers.mapping import funnel, handoffs, outcomes, stages, touchpoints, transitions, variants

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"


@pytest.fixture(scope="module")
def warehouse() -> dict[str, pd.DataFrame]:
    """Every source of the sample as a table; rows that are equal in the file are equal here too.

    Events are typed, with moments in UTC and a column ``seq`` for the order of the file; the others are text.
    """
    config, engine = read_config(SAMPLE / "dataset.yml"), start_duckdb([SAMPLE])
    tables = {}
    for i, source in enumerate(config.tables.events):
        found = load_source(engine, SAMPLE, config, source, kind="events", where="events").table
        kept = engine.numbered(engine.keep(f"e{i}", found.drop(*[n for n in found.columns if n[0] == INTERNAL_PREFIX])))
        same = ibis.window(group_by=[kept[name] for name in kept.columns if name != "row_number"])
        table = kept.mutate(seq=(kept.row_number.min().over(same) + i * 10**9).cast("float64")).drop("row_number")
        tables[f"events_{i}"] = table.mutate(timestamp=_.timestamp.cast("timestamp('UTC')")).to_pyarrow()
    for kind in ("surveys", "customers", "identities"):
        source = getattr(config.tables, kind)[0]
        scan = scan_file(SAMPLE / source.source, source.source, source.read, engine.private, kind)
        tables[kind] = read_raw(engine.con, [scan], source.read, kind).to_pyarrow()
    return tables


def describe(folder: Path, engine: str, place: str) -> Path:
    """Write the sample's dataset.yml for tables of an engine, or for Parquet files."""
    config = yaml.safe_load((SAMPLE / "dataset.yml").read_text(encoding="utf-8"))
    config["engine"] = engine
    for i, source in enumerate(config["tables"]["events"]):
        kept = {"duplicates": source["duplicates"]} if "duplicates" in source else {}
        config["tables"]["events"][i] = {**kept, "columns": {"order": "seq"}, **at(place, f"events_{i}")}
    for kind in ("surveys", "customers", "identities"):
        source = config["tables"][kind][0]
        config["tables"][kind] = [{"columns": source.get("columns", {}), **at(place, kind)}]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return folder


def at(place: str, name: str) -> dict[str, str]:
    return {"source": f"{name}.parquet"} if place == "files" else {"table": f"sample_{name}"}


def results(folder: Path) -> dict[str, pd.DataFrame]:
    """Open a data set; return what reading found and the tables of the journey map."""
    data = open_dataset(folder)
    quality = data.quality[["table", "check", "outcome", "n_rows", "n_total"]]
    options = {"definitions": data.journeys, "as_of": data.as_of}
    steps = build_steps(data.events, **options).cache()
    journeys = build_journeys(steps, **options).cache()
    found = {
        "quality": quality.groupby(["table", "check", "outcome"], as_index=False).sum(),
        "identity": data.identity,
        "verdict": data.verdict,
        "ids": pd.DataFrame({"hash": raw_id_hashes(data).astype(str)}),
        "feeds": data.feeds.drop(columns="source").sort_values("n_rows").reset_index(drop=True),
        "surveys": in_order(survey_frame(data).drop(columns="customer")),
        "customers": in_order(customer_frame(data).drop(columns="customer")),
        "journeys": in_order(journey_frame(journeys).drop(columns="customer")),
        "outcomes": outcomes(journeys),
        "transitions": transitions(steps, journeys=journeys),
        "variants": variants(steps, journeys=journeys),
        "funnel": funnel(steps, journeys=journeys, **options, window=pd.Timedelta(days=14)),
        "stages": stages(steps, journeys=journeys, **options),
        "touchpoints": touchpoints(steps, journeys=journeys, **options),
        "handoffs": handoffs(steps, journeys=journeys),
    }
    if data.config.engine.startswith("postgres"):
        steps.release()
        journeys.release()
        data.con.disconnect()
    return found


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    table = table[sorted(table.columns)]
    rounded = table.apply(lambda c: c.astype("float64").round(6) if c.dtype.kind in "fi" else c.astype("string"))
    return table.loc[rounded.sort_values(list(table.columns)).index].reset_index(drop=True)


def assert_same(got: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    for name, table in expected.items():
        plain, wanted = (
            t.astype(dict.fromkeys(t.select_dtypes("number"), "float64")).astype(
                dict.fromkeys(t.select_dtypes(["boolean", "string"]), "object")
            )
            for t in (got[name], table)
        )
        plain, wanted = (t.where(t.notna(), None) for t in (plain, wanted))
        pd.testing.assert_frame_equal(plain, wanted, check_dtype=False, rtol=1e-9, obj=name)


@pytest.fixture(scope="module")
def expected(warehouse, tmp_path_factory) -> dict[str, pd.DataFrame]:
    import pyarrow.parquet

    folder = describe(tmp_path_factory.mktemp("files") / "sample", "duckdb", "files")
    for name, table in warehouse.items():
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
    return results(folder)


def test_the_files_of_the_sample_give_the_same_tables_as_their_copies(expected, tmp_path):
    """The copies in UTC stand for the sample itself: what differs is the order of attributes alone."""
    shutil.copytree(SAMPLE, tmp_path / "sample")
    got = results(tmp_path / "sample")
    for name in ("outcomes", "transitions", "funnel", "stages", "handoffs"):
        pd.testing.assert_frame_equal(got[name], expected[name], rtol=1e-9, obj=name)


def test_postgres_gives_the_tables_of_duckdb(postgres, postgres_url, warehouse, expected, tmp_path):
    for name, table in warehouse.items():
        postgres.create_table(f"sample_{name}", table, overwrite=True)
    assert_same(results(describe(tmp_path / "sample", postgres_url, "tables")), expected)


@pytest.mark.slow
def test_spark_gives_the_tables_of_duckdb(spark, warehouse, expected, tmp_path):
    for name, table in warehouse.items():
        spark.create_table(f"sample_{name}", table, overwrite=True)
    assert_same(results(describe(tmp_path / "sample", "pyspark://", "tables")), expected)


@pytest.mark.slow
def test_both_types_of_time_of_spark_are_read_as_what_they_are(spark, tmp_path):
    """A TIMESTAMP is a moment; a TIMESTAMP_NTZ is what a clock showed, here in Berlin in summer."""
    spark.raw_sql(
        "CREATE OR REPLACE TEMPORARY VIEW two_kinds AS SELECT ' vif ' AS who, 'off' AS what, "
        "TIMESTAMP '2024-07-01 12:00:00' AS moment, TIMESTAMP_NTZ '2024-07-01 12:00:00' AS clock, "
        "DOUBLE('NaN') AS cost"
    )
    columns = {"customer_id": "who", "touchpoint": "what", "cost": "cost"}
    sources = [{"table": "two_kinds", "columns": columns | {"timestamp": name}} for name in ("moment", "clock")]
    config = {"version": 1, "name": "Test", "engine": "pyspark://", "time_zone": "Europe/Berlin"}
    (tmp_path / "dataset.yml").write_text(yaml.safe_dump(config | {"tables": {"events": sources}}))
    data = open_dataset(tmp_path, as_of="2024-07-02")
    found = data.events.select("customer_id", "touchpoint", "timestamp", "cost").order_by("timestamp").execute()
    assert found["timestamp"].tolist() == [pd.Timestamp("2024-07-01 10:00"), pd.Timestamp("2024-07-01 12:00")]
    assert found[["customer_id", "touchpoint"]].to_numpy().tolist() == [["vif", "off"]] * 2
    assert data.events.cost.count().execute() == 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata"])
@pytest.mark.parametrize("fold", ["first", "second"])
def test_duckdb_reads_local_times_as_python_does(zone, fold):
    """Every half hour around each change of clocks; a time that clocks skip comes back as another one from UTC."""
    changes = [at for at, _before, _after in clock_changes(zone)] or [datetime(2020, 1, 1)]
    moments = sorted({at + timedelta(minutes=30 * i) for at in changes for i in range(-24, 25)})
    con, info = ibis.duckdb.connect(), ZoneInfo(zone)
    define_to_utc(con, zone, fold)
    local = con.create_table("t", pd.DataFrame({"at": pd.to_datetime(moments).astype("datetime64[us]")}))
    got = local.select("at", macro=to_utc_on_duckdb(local["at"]), cases=to_utc(local["at"], zone, fold)).execute()
    utc = [at.replace(tzinfo=info, fold=fold == "second").astimezone(UTC) for at in moments]
    wanted = [
        pd.NaT if moment.astimezone(info).replace(tzinfo=None) != at else moment.replace(tzinfo=None)
        for at, moment in zip(moments, utc, strict=True)
    ]
    assert got["at"].tolist() == moments
    for column in ("macro", "cases"):
        pd.testing.assert_series_equal(
            got[column].astype("datetime64[us]"), pd.Series(wanted, dtype="datetime64[us]", name=column)
        )


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata"])
def test_spark_reads_local_times_as_the_comparisons_do(spark, zone):
    """Every half hour around each change of clocks, and years without rules of their own."""
    moments = [at + pd.Timedelta(minutes=30 * i) for at, _before, _after in clock_changes(zone) for i in range(-8, 9)]
    moments += list(pd.date_range("1950-01-01", "2090-01-01", freq="97D"))
    table = ibis.memtable(pd.DataFrame({"at": pd.to_datetime(moments).astype("datetime64[us]")}))
    local = ibis.duckdb.connect().create_table("t", table)
    wanted = local.select("at", utc=to_utc(local["at"], zone)).execute().set_index("at")["utc"]
    there = spark.create_view("clock_times", table, overwrite=True)
    got = there.select("at", utc=to_utc_on_spark(there["at"], zone)).execute().set_index("at")["utc"]
    wanted, got = (one[~one.index.duplicated()].sort_index().astype("datetime64[us]") for one in (wanted, got))
    pd.testing.assert_series_equal(got, wanted, check_index_type=False)
