"""The report of a pytest session for people: one self-contained HTML page, and GitHub's summary and annotations."""
