/** helm, which keeps charts in a registry: it logs in by POST, then by GET. */
import { clientStory } from '../support/client-story.ts';
import { createHelm } from '../support/helm-client.ts';
import { missing, notPackaged } from '../support/parts.ts';

const skip = missing('docker-registry') || notPackaged('helm');

clientStory('helm', { skip }, async (folder) => createHelm(folder));
