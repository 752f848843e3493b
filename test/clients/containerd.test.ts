/** containerd by its plain client, ctr, with a real registry: the requests that Kubernetes nodes send. */
import { clientStory } from '../support/client-story.ts';
import { startContainerd } from '../support/containerd.ts';
import { missing } from '../support/parts.ts';

clientStory('ctr', { skip: missing('root', 'containerd', 'ctr', 'docker-registry') }, startContainerd);
