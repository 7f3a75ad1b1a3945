"""Pages of the service: what a browser opens, with their static files and templates.

A page or a mounted application is added in `api.app.build_api` and declared in NEEDS of `api.auth.authorization`:
a mount with its prefix, as "/PREFIX/*".  Files of a page are public, because a browser sends no key when it opens one;
the page asks for a key, keeps it in the tab and sends it as `Authorization: Bearer KEY` with each request for data.
"""
