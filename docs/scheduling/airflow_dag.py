"""Airflow 2.4 or newer: one run a month, with the data up to the end of the month before.

`cj run` decides by its inputs whether anything has to be done, so a retry or a cleared task does no harm. The key of
the pseudonyms comes from the environment of the worker.
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

FOLDER = "/opt/journeys"
# An alert (exit code 4) is told in the log and by --on-alert; the reports are there, so the task succeeds.
COMMAND = (
    f"cd {FOLDER} && .venv/bin/cj run my_shop --jobs 2 --run-timeout 6000 --verbose "
    "--as-of {{ macros.ds_add(data_interval_end | ds, -1) }} || [ $? -eq 4 ]"
)

with DAG(
    dag_id="customer_journeys",
    schedule="@monthly",
    start_date=datetime(2026, 1, 1),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=15)},
) as dag:
    reports = BashOperator(task_id="reports", bash_command=COMMAND, append_env=True)
    prune = BashOperator(task_id="prune", bash_command=f"cd {FOLDER} && .venv/bin/cj prune my_shop --keep 12")
    reports >> prune
