"""Guards of the gateway: what goes to a model and what comes from it, looked through by rules.

Rules and policies are data (`rules/`, `policy.yaml`); everything but `edge` is pure and knows nothing
of HTTP. The two objects that another way to a model needs are `inputs.check_input` and
`outputs.OutputFilter`.
"""
