/** oras, which shares its registry code with helm: it pushes files, copies, deletes and lists the catalog. */
import { clientStory } from '../support/client-story.ts';
import { createOras } from '../support/oras.ts';
import { missing, notPackaged } from '../support/parts.ts';

const skip = missing('docker-registry') || notPackaged('oras');

clientStory('oras', { skip }, async (folder) => createOras(folder));
