"""Pages of the service: what a browser opens, with their static files and templates.

A page or a mounted application is added in `api.app.build_api` and declared in NEEDS of `api.auth.authorization`:
a mount with its prefix, as "/PREFIX/*".
"""
