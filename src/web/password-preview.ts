/** Owns how the preview of a password is told: what it could do where, and which of its patterns are no use. */
import { rights } from '../policy/repository-rights.ts';
import type { PasswordPreview, ServicePreview } from '../repositories/password-preview.ts';
import { actionsText } from './access-view.ts';

export type PreviewView = {
  /** By registry; `host` is `null` where there is only one. */
  readonly services: readonly {
    readonly host: string | null;
    readonly lines: readonly PreviewLine[];
  }[];
  /** Sentences about patterns that match nothing usable. */
  readonly unreachable: readonly string[];
};

type PreviewLine = {
  /** "Pull and push" */
  readonly actions: string;
  readonly names: readonly string[];
  /** "and 12 more"; '' where all are there. */
  readonly more: string;
  /** How far to trust a pattern; '' for names. */
  readonly caveat: string;
};

declare module './views.ts' {
  interface ViewData {
    /** `robot`: its login, `null` for one's own password. */
    'password-preview': { preview: PreviewView; robot: string | null };
  }
}

type Described = {
  readonly services: readonly { readonly name: string; readonly registryHost: string }[];
  readonly robot: string | null;
  readonly pullOnly: boolean;
};

export function previewViewOf(preview: PasswordPreview, described: Described): PreviewView {
  const { services } = described;
  const hostOf = (service: string) => services.find(({ name }) => name === service)?.registryHost ?? service;
  return {
    services: preview.services.map((one) => ({
      host: services.length < 2 ? null : hostOf(one.service),
      lines: [...one.named.map(namedLine), ...one.unnamed.map(patternLine)],
    })),
    unreachable: unreachableTexts(preview.unreachable, { who: described.robot ?? 'you', pullOnly: described.pullOnly }),
  };
}

/** "Nothing you can pull or push matches “prod/**”." */
export function unreachableTexts(
  patterns: readonly string[],
  { who, pullOnly }: { readonly who: string; readonly pullOnly: boolean },
): string[] {
  const what = `${who} can ${pullOnly ? 'pull' : 'pull or push'}`;
  return patterns.map((pattern) =>
    pattern === '**' ? `There’s nothing ${what}.` : `Nothing ${what} matches “${pattern}”.`,
  );
}

function namedLine({ bits, names, more }: ServicePreview['named'][number]): PreviewLine {
  return { actions: actionsOf(bits), names, more: more === 0 ? '' : `and ${more} more`, caveat: '' };
}

function patternLine({ pattern, bits, anywhere, isComplete }: ServicePreview['unnamed'][number]): PreviewLine {
  const isOneName = !/[*?[\\]/.test(pattern);
  const caveat = isOneName
    ? ''
    : isComplete
      ? 'at most, depending on the repository'
      : 'perhaps more, depending on the repository';
  const onWhat =
    anywhere === 0 ? 'the repository: the pattern doesn’t show which rules apply' : 'the address that it’s used from';
  const unknown = { actions: 'It depends', caveat: `on ${onWhat}` };
  return { actions: actionsOf(bits), names: [pattern], more: '', caveat, ...(bits === 0 && unknown) };
}

function actionsOf(bits: number): string {
  return actionsText(Object.entries(rights).flatMap(([action, bit]) => ((bits & bit) === 0 ? [] : action)));
}
