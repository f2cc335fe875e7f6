"""CPython's wsgiref, asked in the form of cases that a seed invents; each room has a module."""
