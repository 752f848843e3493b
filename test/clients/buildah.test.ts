/** buildah with a real registry. */
import { clientStory } from '../support/client-story.ts';
import { missing } from '../support/parts.ts';
import { startBuildah } from '../support/podman.ts';

clientStory('buildah', { skip: missing('root', 'buildah', 'docker-registry') }, startBuildah);
