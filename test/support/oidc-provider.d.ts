/** Declares what we use of oidc-provider, which ships no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export type Interaction = {
    readonly uid: string;
    readonly prompt: { readonly name: string };
    readonly params: Readonly<Record<string, unknown>>;
  };
  export type Grant = { addOIDCScope(scope: string): void; save(): Promise<string> };
  export type Context = {
    readonly oidc: {
      readonly provider: Provider;
      readonly client: { readonly clientId: string; grantTypeAllowed(type: string): boolean };
      readonly session: { readonly accountId: string; destroyed: boolean };
      readonly params: { readonly scope?: string; readonly prompt?: string; readonly access_type?: string };
      readonly result?: Readonly<Record<string, unknown>>;
    };
  };

  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    readonly Grant: new (of: {
      accountId: string;
      clientId: string;
    }) => Grant;
    on(event: 'authorization.success', listener: (context: Context) => void): void;
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Readonly<Record<string, unknown>>,
      options: { mergeWithLastSubmission: boolean },
    ): Promise<void>;
  }

  export namespace interactionPolicy {
    class Check {
      constructor(reason: string, description: string, check: (context: Context) => boolean);
    }
    class Prompt {
      readonly checks: { add(check: Check): void };
      constructor(settings: { name: string; requestable: boolean }, ...checks: Check[]);
    }
    type Policy = Prompt[] & { add(prompt: Prompt, index?: number): void; get(name: string): Prompt };
    function base(): Policy;
  }
}

declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  /** @param clockTolerance seconds */
  export function createMemoryAdapter(clockTolerance: number): (model: string) => object;
}
