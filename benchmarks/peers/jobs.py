"""The jobs, in the order in which the benchmark tells of them."""

from collections.abc import Mapping

from peers import j1, j2, j3, wide
from peers.job import Job

JOBS: Mapping[str, Job] = {job.name: job for job in (j1.JOB, j2.JOB, j3.JOB, *wide.JOBS)}
