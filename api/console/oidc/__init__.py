"""Sign-in over OpenID Connect: the provider, what its token says of a person, and the way there and back."""
