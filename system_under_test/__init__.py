"""The worker as one would deploy it: records in, rows deleted, completions out.

Nothing here knows that it is under test. Everything that talks to the world (Kafka clients, record
store, Resonate client) is built in worker.py and handed to the rest.
"""
