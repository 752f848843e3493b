/** The settings of the services: what each inherits, what it may set for itself, and what is refused by name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config/config.ts';

const least = { PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com, my registry:5000' };
const [plain, own] = ['registry.example.com', 'my registry:5000'];

function servicesOf(environment: Record<string, string>) {
  const { services } = readConfig({ ...least, ...environment });
  return new Map(services.map((service) => [service.name, service]));
}

function problemsOf(environment: Record<string, string>): string {
  try {
    readConfig({ ...least, ...environment });
    return '';
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
}

test('a service has the host of its name, the issuer of the public URL, five minutes, and lets anybody ask', () => {
  assert.deepEqual(servicesOf({}).get(plain), {
    name: plain,
    registryHost: plain,
    issuer: 'localhost:5001',
    lifetime: 300,
    anonymous: true,
  });
});

test('what is set for all counts for each; what a service sets for itself counts for it alone', () => {
  const services = servicesOf({
    TOKEN_ISSUER: 'dockpass',
    ANONYMOUS_ACCESS: 'false',
    SERVICE_MY_REGISTRY_5000_HOST: 'lab.example.com',
    SERVICE_MY_REGISTRY_5000_LIFETIME: '900',
    SERVICE_MY_REGISTRY_5000_ISSUER: 'lab',
    SERVICE_MY_REGISTRY_5000_ANONYMOUS_ACCESS: 'true',
  });
  assert.partialDeepStrictEqual(services.get(plain), { issuer: 'dockpass', lifetime: 300, anonymous: false });
  assert.partialDeepStrictEqual(services.get(own), {
    registryHost: 'lab.example.com',
    issuer: 'lab',
    lifetime: 900,
    anonymous: true,
  });
});

test('a setting of no service, or none that there is, is named', () => {
  const message = problemsOf({ SERVICE_OTHER_ISSUER: 'x', SERVICE_MY_REGISTRY_5000_ISUER: 'x' });
  assert.match(message, /SERVICE_OTHER_ISSUER is not a setting of a service/);
  assert.match(message, /SERVICE_MY_REGISTRY_5000_ISUER is not a setting of a service/);
});

test('names whose settings could not be told apart are refused', () => {
  assert.match(problemsOf({ SERVICES: 'a.b,a-b' }), /differ only in characters/);
  assert.match(problemsOf({ SERVICES: 'a,a' }), /twice/);
  assert.match(problemsOf({ SERVICES: '' }), /SERVICES is required/);
});
