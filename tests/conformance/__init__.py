"""The vendor's published checkers, held against what our promise server answered.

Nothing here needs Go or a network but `build`, which compiles the checkers beside the project:

* `build`   the checkers from a copy of the vendor's specification, told of the separator ':'
* `cut`     a server's log or a run's folder in the vendor's trace form, one origin each
* `load`    random concurrent protocol traffic against a server, written with its intervals
* `check`   hands traces to the checkers and says what they reject, and why first

What came out is in docs/conformance.md.
"""
