"""Sign-in to the pages by the bureau's own identity provider: OpenID Connect, authorization code with PKCE.

Nothing is asked of any host but the issuer that the settings name.
"""
