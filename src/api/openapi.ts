/** Owns the description of the API, OpenAPI 3.1, made from the operations themselves. */
import type { ApiField } from './input.ts';
import type { ApiRoute, Download } from './route.ts';

const types = {
  string: { type: 'string' },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  strings: { type: 'array', items: { type: 'string' } },
  object: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
} as const;

const refusal = {
  description: 'Refused; the message says what to do next',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          errors: {
            type: 'array',
            items: {
              type: 'object',
              properties: { code: types.string, message: types.string, requestId: types.string },
              required: ['code', 'message', 'requestId'],
            },
          },
        },
        required: ['errors'],
      },
    },
  },
};

/** @param url of the API: "https://auth.example.com/api/v1" */
export function describeApi(routes: readonly ApiRoute[], url: string): object {
  const paths = Map.groupBy(routes, ({ path }) => path);
  return {
    openapi: '3.1.0',
    info: { title: 'Dockpass', version: '1', description: 'What administrators can do. Times are epoch milliseconds.' },
    servers: [{ url }],
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An API token, dka_...' } },
    },
    paths: Object.fromEntries(
      [...paths].map(([path, operations]) => [
        path,
        Object.fromEntries(operations.map((route) => [route.method, describeOperation(route)])),
      ]),
    ),
  };
}

function describeOperation({ path, scope, summary, query = [], body, download }: ApiRoute): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: types.string,
  }));
  const inQuery = query.map(({ name, type, about }) => ({
    name,
    in: 'query',
    description: about,
    schema: types[type],
  }));
  const media = download === undefined ? { 'application/json': { schema: { type: 'object' } } } : mediaOf(download);
  return {
    summary,
    // OpenAPI 3.1 allows a role or scope beside any scheme.
    security: scope === null ? [] : [{ token: [scope] }],
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(body && { requestBody: requestBodyOf(body) }),
    responses: { 200: { description: 'Done', content: media }, default: refusal },
  };
}

function mediaOf({ type }: Download): object {
  const [media = ''] = type.split(';');
  return { [media]: {} };
}

function requestBodyOf(fields: readonly ApiField[]): object {
  const isRequired = fields.some(({ required }) => required);
  return { required: isRequired, content: { 'application/json': { schema: schemaOf(fields) } } };
}

function schemaOf(fields: readonly ApiField[]): object {
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(
      fields.map(({ name, type, about }) => [name, { ...types[type], description: about }]),
    ),
    required: fields.filter(({ required }) => required).map(({ name }) => name),
  };
}
