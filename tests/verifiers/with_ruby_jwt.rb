require "json"
require "jwt"
require "net/http"

KEYS = JSON.parse(Net::HTTP.get(URI(ENV["JWKS_URL"])), symbolize_names: true)

def verify(token)
  payload, _header = JWT.decode(
    token, nil, true,
    jwks: KEYS,
    algorithms: %w[ES256 RS256],
    iss: ENV["ISSUER"], verify_iss: true,
    aud: ENV["AUDIENCE"], verify_aud: true
  )
  payload
end
