import jwt from 'jsonwebtoken'
import jwksClient from 'jwks-rsa'

const { ISSUER, AUDIENCE, JWKS_URL } = process.env
const client = jwksClient({ jwksUri: JWKS_URL })

export async function verify(token) {
  const { header } = jwt.decode(token, { complete: true })
  const key = await client.getSigningKey(header.kid)
  return jwt.verify(token, key.getPublicKey(), {
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: ['ES256', 'RS256'],
  })
}
