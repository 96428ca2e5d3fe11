import * as oauth from 'oauth4webapi'

const { ISSUER, AUDIENCE } = process.env
const issuer = new URL(ISSUER)
// An issuer on https needs no options.
const options = { [oauth.allowInsecureRequests]: issuer.protocol === 'http:' }

const response = await oauth.discoveryRequest(issuer, options)
const server = await oauth.processDiscoveryResponse(issuer, response)

export async function verify(token) {
  const request = new Request(AUDIENCE, { headers: { authorization: `Bearer ${token}` } })
  return oauth.validateJwtAccessToken(server, request, AUDIENCE, options)
}
