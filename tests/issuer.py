"""Another deployment, as far as a verifier sees it: a JWKS on 127.0.0.1, and its tokens."""

import json
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

SID = "0123456789abcdef0123456789abcdef"


class Signer:
    """A private key that is not ours, its public JWK, and tokens signed with it."""

    def __init__(self, kid, algorithm="ES256", private=None):
        self.kid = kid
        self.algorithm = algorithm
        self.private = private or ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self):
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(
            self.private.public_key(), as_dict=True
        )
        return {**made, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def token(self, *, header=None, without=(), **changes):
        """An access token; ``changes`` are claims, ``without`` names those left out."""
        now = int(time.time())
        claims = {
            "token_type": "access",
            "sub": "7",
            "sid": SID,
            "jti": f"{SID}.0123456789abcdef",
            "iat": now,
            "exp": now + 300,
            **changes,
        }
        for name in without:
            del claims[name]
        headers = {"typ": "at+jwt", "kid": self.kid, **(header or {})}
        return jwt.encode(claims, self.private, self.algorithm, headers)


class Issuer:
    """Answers every request with ``answer(handler)`` and counts them in ``hits``."""

    def __init__(self, *signers):
        self.hits = 0
        self.answer = self.publish(*signers)
        self.url = None

    def publish(self, *signers, jwks=None, **headers):
        """Answer with the keys of ``signers``, or with the JWKs given, from now on."""
        keys = [signer.jwk for signer in signers] if jwks is None else jwks
        return self.say(json.dumps({"keys": keys}), **headers)

    def say(self, body, status=200, **headers):
        """Answer with ``body`` from now on; cache_control= becomes Cache-Control:."""

        def answer(handler):
            data = body if isinstance(body, bytes) else body.encode()
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        self.answer = answer
        return answer

    def fail(self):
        """Answer 500 from now on."""
        self.say("", status=500)

    @contextmanager
    def serving(self, certificate=None):
        """Serve on ``url``, with TLS when a file holds a certificate and its key."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.hits += 1
                # A client that gave up has closed the connection.
                with suppress(ConnectionError):
                    issuer.answer(self)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            # A client that does not trust the certificate says so in the middle of TLS.
            server.handle_error = lambda request, address: None
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{server.server_port}/jwks.json"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
