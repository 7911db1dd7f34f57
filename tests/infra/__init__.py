"""The real parts' handles, tried on what needs no broker."""
