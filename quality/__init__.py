"""Data quality: checks are questions whose answer is the rows that are wrong.

Start with `checks` (what a check is) and `library` (all there are: those of `written` and of `declared`), then `runs`
(asking, and the history) and `watch` (asking continuously). `report` makes the page that one can mail.
"""
