/** skopeo, which needs no engine, with a real registry: it also deletes. */
import { clientStory } from '../support/client-story.ts';
import { missing } from '../support/parts.ts';
import { createSkopeo } from '../support/skopeo.ts';

clientStory('skopeo', { skip: missing('skopeo', 'docker-registry') }, async (folder) => createSkopeo(folder));
