"""A small identity provider in a process of its own, that can be told to misbehave.

`python idp.py [CERTIFICATE KEY]` prints its port. `POST /control` changes `Behaviour`; `GET /control`
tells what it was asked. It signs in whoever comes, as the person in `claims`.
"""

import base64
import hashlib
import json
import secrets
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "plan", "s:ecret/with%signs"
CLAIMS = {"sub": "u-1", "preferred_username": "张工", "groups": ["规划科"]}


class Provider:
    def __init__(self):
        self.mode, self.claims, self.codes, self.asked = "", CLAIMS, {}, []
        self.keys, self.form = [self.new_key()], False

    @staticmethod
    def new_key():
        return secrets.token_hex(4), rsa.generate_private_key(65537, 2048)

    def key_set(self):
        public = []
        for kid, key in self.keys:
            made = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            public.append({**made, "kid": kid, "use": "sig", "alg": "RS256"})
        return {"keys": public}

    def id_token(self, issuer, nonce):
        now, (kid, key) = int(time.time()), self.keys[0]
        claims = {
            "iss": issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims,
        }  # fmt: skip
        claims |= {
            "expired": {"iat": now - 900, "exp": now - 300},
            "future": {"iat": now + 900, "exp": now + 1200},
            "other_audience": {"aud": "another"},
            "two_audiences": {"aud": [CLIENT, "another"]},
            "other_party": {"aud": [CLIENT, "another"], "azp": "another"},
            "other_issuer": {"iss": "https://evil.example"},
            "other_nonce": {"nonce": "x" * 43},
        }.get(self.mode, {})
        if self.mode == "no_nonce":
            del claims["nonce"]
        if self.mode == "no_end":
            del claims["exp"]
        if self.mode == "none":
            return jwt.encode(claims, None, "none", headers={"kid": kid})
        if self.mode == "hs256_public":
            pem = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return by_hand({"alg": "HS256", "kid": kid}, claims, pem)
        if self.mode == "hs256_secret":
            return by_hand({"alg": "HS256", "kid": kid}, claims, SECRET.encode())
        if self.mode == "old_key":
            return jwt.encode(claims, self.old, "RS256", headers={"kid": kid})
        token = jwt.encode(claims, key, "RS256", headers={"kid": kid})
        if self.mode == "changed":
            head, body, signature = token.split(".")
            body = encoded(json.dumps({**claims, "groups": ["局领导"]}).encode())
            return ".".join((head, body, signature))
        return token


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header, claims, secret):
    """The library refuses to sign with a public key: a forger does not ask it."""
    said = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    import hmac

    return f"{said}.{encoded(hmac.digest(secret, said.encode(), 'sha256'))}"


class Handler(BaseHTTPRequestHandler):
    provider = Provider()

    @property
    def issuer(self):
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        return f"{scheme}://{self.headers['host']}"

    def do_GET(self):
        parts, idp = urlsplit(self.path), self.provider
        query = dict(parse_qsl(parts.query))
        if parts.path == "/control":
            self.say({"asked": idp.asked})
            return
        idp.asked.append([parts.path, query])
        match parts.path:
            case "/.well-known/openid-configuration":
                self.discovery()
            case "/keys":
                self.say(idp.key_set())
            case "/authorize" if idp.form:
                page = f'<form action="/approve?{parts.query}" method="post"><button id="ok">登录</button></form>'
                self.say_page(page.replace("&", "&amp;"))
            case "/authorize":
                self.approve(query)
            case "/end":
                self.lead(query["post_logout_redirect_uri"])
            case _:
                self.say({}, 404)

    def do_POST(self):
        parts, idp = urlsplit(self.path), self.provider
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        match parts.path:
            case "/control":
                told = json.loads(body)
                idp.mode = told.get("mode", "")
                idp.claims = {**CLAIMS, **told.get("claims", {})}
                idp.form = told.get("form", False)
                if told.get("rotate"):
                    idp.old = idp.keys[0][1]
                    idp.keys = [idp.new_key()]
                self.say({})
            case "/approve":
                self.approve(dict(parse_qsl(parts.query)))
            case "/token":
                self.redeem(dict(parse_qsl(body.decode())))
            case _:
                self.say({}, 404)

    def discovery(self):
        issuer, mode = self.issuer, self.provider.mode
        if mode == "redirected":
            self.lead(f"{issuer}/keys")
            return
        if mode == "huge":
            self.say({"issuer": issuer, "padding": "x" * 400_000})
            return
        if mode == "slow":
            time.sleep(3)
        ways = "client_secret_post" if mode == "post" else "client_secret_basic"
        self.say(
            {
                "issuer": "https://evil.example" if mode == "lying" else issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": self.provider.claims.get("jwks", f"{issuer}/keys"),
                "end_session_endpoint": f"{issuer}/end",
                "token_endpoint_auth_methods_supported": [ways],
            }
        )

    def approve(self, query):
        idp = self.provider
        assert (query["client_id"], query["response_type"]) == (CLIENT, "code")
        assert query["code_challenge_method"] == "S256"
        said = {"state": query["state"]}
        if idp.mode == "denied":
            said["error"] = "access_denied"
        else:
            said["code"] = secrets.token_urlsafe(16)
            idp.codes[said["code"]] = query
        if idp.mode == "mixed_up":
            said["iss"] = "https://evil.example"
        self.lead(f"{query['redirect_uri']}?{urlencode(said)}")

    def redeem(self, form):
        idp = self.provider
        if idp.mode == "redirected_token":
            self.lead(f"{self.issuer}/keys")
            return
        if idp.mode == "post":
            given = form.get("client_id"), form.get("client_secret")
        else:
            raw = base64.b64decode(self.headers.get("authorization", " ").split(" ")[1]).decode()
            given = tuple(unquote_plus(part) for part in raw.split(":"))
        if given != (CLIENT, SECRET):
            self.say({"error": "invalid_client"}, 401)
            return
        asked = idp.codes.get(form["code"])
        if idp.mode != "careless":
            idp.codes.pop(form["code"], None)
        challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        good = asked and (asked["code_challenge"], asked["redirect_uri"]) == (
            challenge,
            form["redirect_uri"],
        )
        if not good:
            self.say({"error": "invalid_grant"}, 400)
            return
        token = idp.id_token(self.issuer, asked["nonce"])
        self.say({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def say(self, content, status=200):
        self.answer(status, json.dumps(content).encode(), "content-type", "application/json")

    def say_page(self, content):
        self.answer(200, f"<!doctype html>{content}".encode(), "content-type", "text/html; charset=utf-8")  # fmt: skip

    def lead(self, address):
        self.answer(303, b"", "location", address)

    def answer(self, status, body, name, value):
        self.send_response(status)
        self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        return


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[1:])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()
