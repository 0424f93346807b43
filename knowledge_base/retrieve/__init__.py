"""Finding passages: the question, the routes to candidates, their ranking, coverage."""
