import { createRemoteJWKSet, jwtVerify } from 'jose'

const { ISSUER, AUDIENCE, JWKS_URL } = process.env
const keys = createRemoteJWKSet(new URL(JWKS_URL))

export async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    issuer: ISSUER,
    audience: AUDIENCE,
    typ: 'at+jwt',
    algorithms: ['ES256', 'RS256', 'EdDSA'],
  })
  return payload
}
