"""The page of a server: a form made from each model's signature, its answer, and what answers.

`document.py` makes the HTML, `form.py` the fields, `pad.py` what pictures are drawn on,
`identity.py` says what is served; `static/` has the styles and scripts, plain and without a build
step; `routes.py` gives them out under a strict Content-Security-Policy. Nothing comes from another
host, addresses are relative, and what a model says is text, never markup.
"""
