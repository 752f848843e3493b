/** Owns the pages that delete a tag or a manifest: what goes with it, and the button. */
import type { Request, RequestHandler, Response } from 'express';
import type { Deletion, DeletionPreview } from '../repositories/deletion.ts';
import { correctable, fieldsOf, oneOf, queryOf } from './fields.ts';
import { sections } from './navigation.ts';
import { type ListedService, type RepositoryPageParts, readerOf, repositoryPath } from './repositories.ts';
import { shortDigest, targetOf } from './repository.ts';
import { actorOf } from './session.ts';

export type RepositoryDeletionParts = Omit<RepositoryPageParts, 'repositories'> & { readonly deletion: Deletion };

declare module './views.ts' {
  interface ViewData {
    /** `preview`: `null` where nothing can be deleted; `problem` says why. */
    'repository-delete': {
      section: string;
      service: ListedService;
      name: string;
      home: string;
      homeLabel: string;
      tag: string;
      preview: (DeletionPreview & { readonly others: readonly string[] }) | null;
      problem: string | null;
    };
  }
}

export type RepositoryDeletionPages = {
  /** GET and POST of /repositories/SERVICE/-/delete/NAME...?tag= */
  readonly ask: RequestHandler;
  readonly act: RequestHandler;
};

export function createRepositoryDeletion(parts: RepositoryDeletionParts): RepositoryDeletionPages {
  return {
    ask: (request, response) => ask(parts, request, response, fieldsOf(request.query)('tag'), null),
    act: (request, response) => act(parts, request, response),
  };
}

/** @param problem why what was asked for wasn't done */
async function ask(
  parts: RepositoryDeletionParts,
  request: Request,
  response: Response,
  tag: string,
  problem: { readonly message: string; readonly status: number } | null,
): Promise<void> {
  const { service, name } = targetOf(parts.services, request);
  const [viewer] = readerOf(parts, request, service);
  const found = await previewOf(parts.deletion.preview(viewer, name, tag));
  const { preview } = found;
  const data = {
    section: sections.repositories,
    ...{ service, name, tag },
    home: `${repositoryPath(service.name, name)}${queryOf({ tag })}`,
    homeLabel: `${name}:${tag}`,
    preview: preview && { ...preview, others: (preview.tags ?? []).filter((one) => one !== tag) },
    problem: problem?.message ?? found.problem,
  };
  parts.views.page(response, 'repository-delete', data, problem?.status ?? found.status);
}

/** What the reader can do nothing about here is said on the page: a setting of the registry. */
async function previewOf(
  preview: Promise<DeletionPreview>,
): Promise<{ preview: DeletionPreview | null; problem: string | null; status: number }> {
  try {
    return { preview: await preview, problem: null, status: 200 };
  } catch (error) {
    const refusal = correctable(error);
    if (refusal.code !== 'conflict') throw refusal;
    return { preview: null, problem: refusal.message, status: refusal.status };
  }
}

async function act(parts: RepositoryDeletionParts, request: Request, response: Response): Promise<void> {
  const { service, name } = targetOf(parts.services, request);
  const [viewer] = readerOf(parts, request, service);
  const field = fieldsOf(request.body);
  const what = oneOf(['tag', 'manifest'], field('what')) ?? 'tag';
  const [tag, digest] = [field('tag'), field('digest')];
  try {
    await parts.deletion.act(viewer, name, { what, tag, digest, seen: field('seen') }, actorOf(parts, request));
  } catch (error) {
    const refusal = correctable(error);
    if (refusal.code !== 'conflict') throw refusal;
    await ask(parts, request, response, tag, refusal);
    return;
  }
  const deleted = what === 'tag' ? tag : shortDigest(digest);
  response.redirect(303, `${parts.views.prefix}${repositoryPath(service.name, name)}${queryOf({ deleted })}`);
}
