"""Console: pages in a browser for marketers and operators, in a process of its own.

It talks to the service as every other client does, with the key of whoever is signed in, so the scopes of keys hold
here too.  docs/console.md says how to add a page.
"""
