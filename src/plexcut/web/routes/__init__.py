"""One module a subject; each has a blueprint named `blueprint`."""
