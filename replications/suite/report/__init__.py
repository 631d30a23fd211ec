"""The page that shows a run: one static HTML file and its pictures."""
