"""What pods ask of the API server: the keys of its tokens and reviews of them, for known pods."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import jwt
from aiohttp import web

from tests.servers.certificates import Authority, dns
from tests.servers.jwt_issuer import ISSUER, Issuer, rsa_key

NAME = "kubernetes.default.svc"
API_AUDIENCE = ISSUER


class ApiServer:
    """Signs service accounts' tokens, and answers at `https://kubernetes.default.svc`."""

    def __init__(self) -> None:
        self._authority = Authority("test cluster")
        self._key = rsa_key()
        self.ca = self._authority.ca
        self.reads = 0
        self.reviews = 0

    def jwks(self) -> bytes:
        """The keys that its tokens are signed with."""
        return self._issuer().jwks()

    def token(self, account: str, audience: str, seconds: int) -> str:
        """A projected token of `namespace/name`, as the TokenRequest API makes them."""
        issuer = self._issuer()
        return issuer.token(account, aud=[audience], exp=int(issuer.now) + seconds)

    @asynccontextmanager
    async def serving(self, address: str, directory: Path) -> AsyncIterator[None]:
        """Serve HTTPS on port 443 of this address."""
        app = web.Application()
        app.router.add_get("/openid/v1/jwks", self._keys)
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_post("/apis/authentication.k8s.io/v1/tokenreviews", self._review)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, address, 443, ssl_context=self._tls(directory)).start()
            yield
        finally:
            await runner.cleanup()

    def _issuer(self) -> Issuer:
        return Issuer(cluster=self._key)

    def _tls(self, directory: Path) -> ssl.SSLContext:
        names = [dns(NAME), dns(f"{NAME}.cluster.local"), dns("kubernetes.default")]
        pair = self._authority.issue("kubernetes", names)
        cert, key = directory / "api-server.pem", directory / "api-server.key"
        cert.write_bytes(pair.cert)
        key.write_bytes(pair.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        return context

    def _asker(self, request: web.Request) -> str:
        """Who asks, by a token for the API server. Raises HTTPUnauthorized."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            claims = jwt.decode(
                token, self._key.public_key(), algorithms=["RS256"], audience=API_AUDIENCE
            )
        except jwt.InvalidTokenError:
            raise web.HTTPUnauthorized from None
        if scheme != "Bearer":
            raise web.HTTPUnauthorized
        return str(claims["sub"])

    async def _keys(self, request: web.Request) -> web.Response:
        self._asker(request)
        self.reads += 1
        return web.Response(body=self.jwks())

    async def _discovery(self, request: web.Request) -> web.Response:
        self._asker(request)
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"https://{NAME}/openid/v1/jwks"})

    async def _review(self, request: web.Request) -> web.Response:
        self._asker(request)
        self.reviews += 1
        spec = (await request.json())["spec"]
        try:
            claims = jwt.decode(
                spec["token"],
                self._key.public_key(),
                algorithms=["RS256"],
                audience=spec.get("audiences", [API_AUDIENCE]),
            )
        except jwt.InvalidTokenError:
            return web.json_response({"status": {"authenticated": False}})
        user = {"username": claims["sub"]}
        status = {"authenticated": True, "user": user, "audiences": claims["aud"]}
        return web.json_response({"status": status})
