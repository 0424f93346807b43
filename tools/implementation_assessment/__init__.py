"""Plan implementation assessment (规划实施评估): targets, layout, projects, policies, problems."""
