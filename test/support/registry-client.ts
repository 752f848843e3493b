/** What the registry clients have in common, as tests and the recording of their words use them. */
import type { Finished } from './process.ts';

export type RegistryClient = {
  /** "podman 4.3.1" */
  version(): Promise<string>;
  /** False for a client whose `login` asks nobody: a wrong password shows at the first command after it. */
  readonly checksLogins: boolean;
  /** False for a client that sends a layer again where another repository of the registry has it. */
  readonly mountsLayers?: false;
  login(registry: string, user: string, secret: string): Promise<Finished>;
  logout(registry: string): Promise<Finished>;
  /** Makes an image of one file, whose layer no other has. @returns what `push` knows it by */
  make(): Promise<string>;
  /** @param image what `make` returned, or the reference of one that was pulled */
  push(image: string, reference: string): Promise<Finished>;
  /** Forgets what is here under the reference, then pulls it. @param reference `localhost:5000/platform/web:1` */
  pull(reference: string): Promise<Finished>;
  /** Builds an image on one of a registry's and pushes it by one command, as CI does. */
  build?(base: string, reference: string): Promise<Finished>;
  /** Deletes it in the registry. */
  remove?(reference: string): Promise<Finished>;
  /** Lists the repositories of the registry. */
  catalog?(registry: string): Promise<Finished>;
  stop(): Promise<void>;
};

/** A step that must succeed before the one that is looked at. @throws Error with what it printed */
export async function succeed(step: Promise<Finished>): Promise<Finished> {
  const finished = await step;
  if (finished.code !== 0) throw new Error(finished.output);
  return finished;
}
