"""Each invariant on histories of a few hand-written lines, both ways."""
