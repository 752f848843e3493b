/** podman with a real registry: it also lists the catalog. */
import { clientStory } from '../support/client-story.ts';
import { missing } from '../support/parts.ts';
import { startPodman } from '../support/podman.ts';

clientStory('podman', { skip: missing('root', 'podman', 'docker-registry') }, startPodman);
