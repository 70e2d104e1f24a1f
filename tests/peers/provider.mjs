// provider.mjs SETTINGS: oidc-provider behind TLS, on a port of loopback. What
// it knows stands in a file: {port, issuer, certificate, key, algorithm,
// client, people, conform}. Its signing key is another one with each start.
// Its own pages ask who somebody is; any password will do.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const library = (name) => import(`${process.env.NODE_PATH}/${name}`);
const { default: Provider } = await library('oidc-provider/lib/index.js');
const { exportJWK, generateKeyPair } = await library('jose/dist/webapi/index.js');

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { privateKey } = await generateKeyPair(settings.algorithm, { extractable: true });
const scopes = ['openid', 'profile', 'postern'];
const claims = { openid: ['sub'], profile: ['preferred_username'], postern: ['roles', 'ods'] };

const provider = new Provider(settings.issuer, {
  clients: [{ id_token_signed_response_alg: settings.algorithm, ...settings.client }],
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: settings.algorithm, use: 'sig' }] },
  scopes,
  claims,
  conformIdTokenClaims: settings.conform,
  pkce: { required: () => true },
  cookies: { keys: ['wisteria'] },
  async findAccount(_, name) {
    const said = settings.people[name];
    return said && { accountId: name, claims: async () => ({ sub: name, ...said }) };
  },
  // Nobody is asked whether we may know what we ask for.
  async loadExistingGrant(context) {
    const { client, session } = context.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(scopes.join(' '));
    await grant.save();
    return grant;
  },
});

const [cert, key] = [settings.certificate, settings.key].map((path) => readFileSync(path));
createServer({ cert, key }, provider.callback()).listen(settings.port, '127.0.0.1');
