"""The site: what `make docs` computes before Sphinx, and how the built pages are looked at."""
