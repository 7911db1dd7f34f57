"""Chaos and property tests for workers between two Kafka topics that rely on durable execution.

Live half: schedule -> infra -> faults, clients -> journal -> runs/<id>/.
Judging half: runs/<id>/ -> history -> invariants -> report.
The halves meet in a folder of files: last month's run can be judged by today's invariants.
"""
