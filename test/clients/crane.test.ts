/** crane, which Go tools for images (ko, kaniko) share their registry code with: it copies, deletes and lists the catalog. */
import { clientStory } from '../support/client-story.ts';
import { createCrane } from '../support/crane.ts';
import { missing, notPackaged } from '../support/parts.ts';

const skip = missing('docker-registry') || notPackaged('crane');

clientStory('crane', { skip }, async (folder) => createCrane(folder));
