/** Which addresses of registries the doctor takes, and that it repeats no password. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../../src/cli/command.ts';
import { parseAddress } from '../../src/cli/registry-address.ts';

describe('the address of a registry', () => {
  const taken: readonly [address: string, url: string][] = [
    ['registry.example.com', 'https://registry.example.com/'],
    ['registry.example.com:5000/', 'https://registry.example.com:5000/'],
    ['localhost:5000', 'http://localhost:5000/'],
    ['LOCALHOST:5000', 'http://localhost:5000/'],
    ['[::1]:5000', 'http://[::1]:5000/'],
    ['HTTP://Registry.example.com:5000', 'http://registry.example.com:5000/'],
    ['https://registry.example.com', 'https://registry.example.com/'],
    ['https://registry.example.com/v2/', 'https://registry.example.com/'],
    ['host:5000/v2', 'https://host:5000/'],
  ];
  for (const [address, url] of taken) {
    test(`${address} is ${url}`, () => assert.equal(parseAddress(address).href, url));
  }

  const refused: readonly [address: string, why: RegExp][] = [
    ['http://u:secretpw@host/pre', /no user name and no password/],
    ['u:secretpw@host', /no user name and no password/],
    ['http://u:secretpw@ho st', /no user name and no password/],
    ['https://host/pre', /a registry has no path; give its host: host$/],
    ['host:5000/v2/team/app', /a registry has no path; give its host: host:5000$/],
    ['https://host/?x=1', /a registry has no path; give its host/],
    ['ftp://host', /isn't reached by ftp: write https:\/\/ or http:\/\//],
    ['https://', /isn't an address such as/],
  ];
  for (const [address, why] of refused) {
    test(`${address} is refused`, () =>
      assert.throws(
        () => parseAddress(address),
        (error) => error instanceof UsageError && why.test(error.message) && !error.message.includes('secretpw'),
      ));
  }
});
