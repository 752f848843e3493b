/** A Docker Engine with a real registry, with each of the places where it can keep images. */
import { join } from 'node:path';
import { clientStory } from '../support/client-story.ts';
import { asRegistryClient, type ImageStore, noContainerdStore, startDockerEngine } from '../support/docker-engine.ts';
import { missing } from '../support/parts.ts';

const skip = missing('root', 'dockerd', 'docker', 'docker-registry');
const start = (store: ImageStore) => async (folder: string) =>
  asRegistryClient(await startDockerEngine(join(folder, 'engine'), store));

clientStory('Docker Engine with its graph driver', { skip }, start('graph driver'));

clientStory(
  'Docker Engine with the containerd image store',
  { skip: skip || noContainerdStore() },
  start('containerd'),
);
