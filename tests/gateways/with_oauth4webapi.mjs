// node with_oauth4webapi.mjs, with a refresh token as input: refreshes, validates, introspects, revokes.
import { readFileSync } from 'node:fs'

const home = new URL('../verifiers/node_modules/oauth4webapi/build/index.js', import.meta.url)
const oauth = await import(home)

const { ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET } = process.env
const options = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options })
const server = await oauth.processDiscoveryResponse(issuer, found)
const client = { client_id: CLIENT_ID }
const secret = oauth.ClientSecretBasic(CLIENT_SECRET)

async function refresh(token) {
  const answer = await oauth.refreshTokenGrantRequest(server, client, secret, token, options)
  return oauth.processRefreshTokenResponse(server, client, answer)
}

async function introspect(token) {
  const answer = await oauth.introspectionRequest(server, client, secret, token, options)
  return oauth.processIntrospectionResponse(server, client, answer)
}

const tokens = await refresh(readFileSync(0, 'utf8').trim())
const request = new Request(AUDIENCE, { headers: { authorization: `Bearer ${tokens.access_token}` } })
const claims = await oauth.validateJwtAccessToken(server, request, AUDIENCE, options)
const before = await introspect(tokens.access_token)
const revoked = await oauth.revocationRequest(server, client, secret, tokens.refresh_token, options)
await oauth.processRevocationResponse(revoked)
const after = await introspect(tokens.access_token)
const error = await refresh(tokens.refresh_token).catch((error) => error.error)

console.log(JSON.stringify({ tokens, claims, before, after, error }))
