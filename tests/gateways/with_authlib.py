from authlib.integrations.requests_client import OAuth2Session


def make_client(server, client_id, client_secret, save):
    return OAuth2Session(
        client_id,
        client_secret,
        token_endpoint=f"{server}/oauth/token/",
        # Called with each new token, that of a refresh too.
        update_token=lambda token, **old: save(token),
    )


def sign_in(client, username, password):
    return client.fetch_token(username=username, password=password)


def introspect(client, server, raw):
    return client.introspect_token(f"{server}/oauth/introspect/", token=raw).json()


def sign_out(client, server):
    client.revoke_token(
        f"{server}/oauth/revoke/", client.token["refresh_token"], token_type_hint="refresh_token"
    ).raise_for_status()
