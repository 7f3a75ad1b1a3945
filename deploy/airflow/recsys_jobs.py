"""Nightly jobs of the shop in Airflow 3: data check, training, sweep of erased customers.

Copy it to the folder of DAGs of a worker that has recsys and the home.  Airflow makes up for the last missed night
(`catchup=False`), retries, and ends a job after its time; a limit of memory is that of the worker.
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

RECSYS = "exec nice -n 15 /opt/recsys/.venv/bin/recsys"  # exec: SIGTERM reaches recsys itself
NOTHING_NEW = 7

with DAG(
    "recsys_jobs",
    schedule="30 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "env": {"RECSYS_HOME": "/var/lib/recsys", "RECSYS_CAUSE": "Airflow"},
        "append_env": True,
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(hours=6),
    },
) as dag:
    check = BashOperator(task_id="check", bash_command=f"{RECSYS} check --json")
    train = BashOperator(task_id="train", bash_command=f"{RECSYS} train", skip_on_exit_code=[99, NOTHING_NEW])
    sweep = BashOperator(task_id="sweep", bash_command=f"{RECSYS} sweep --wait 3600", trigger_rule="all_done")

    check >> train >> sweep
