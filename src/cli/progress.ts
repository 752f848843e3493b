/** Owns what shows that a command is at work, where someone looks: how far it is, and for how long. */
import type { Streams, Terminal } from './command.ts';

/** Milliseconds between two views of the progress: more would only cost time. */
const pause = 100;
/** Milliseconds from one sign of life to the next. */
const heartbeat = 1_000;
/** Seconds after which a command that says nothing is said to work. */
const patience = 2;

export type Work = {
  /** What the command gets: its progress is out of the way of what it writes, and ends where a person is asked or reads the result. */
  readonly terminal: Terminal;
  /** Removes what is shown. */
  end(): void;
};

/**
 * @param isShown false with --quiet, and for commands that run until they're stopped or talk with the person
 * @param now milliseconds, of a clock that no one sets
 */
export function watchWork(streams: Streams, isShown: boolean, now: () => number = () => performance.now()): Work {
  const line = isShown && streams.showProgress !== undefined ? createLine(streams.showProgress, now) : noLine;
  return {
    terminal: {
      // Read only by the commands that need settings.
      get environment() {
        return streams.environment;
      },
      input: streams.input,
      screen: streams.screen,
      readersLeft: streams.readersLeft,
      out(text) {
        if (streams.screen === undefined) line.clear();
        else line.end();
        streams.out(text);
      },
      err(text) {
        line.clear();
        streams.err(text);
      },
      ask: streams.ask && endsBefore(streams.ask, line.end),
      progress: line.say,
    },
    end: line.end,
  };
}

function endsBefore<Arguments extends readonly unknown[], Result>(
  action: (...given: Arguments) => Result,
  end: () => void,
): (...given: Arguments) => Result {
  return (...given) => {
    end();
    return action(...given);
  };
}

type Line = { say(text: string): void; clear(): void; end(): void };

const noLine: Line = { say() {}, clear() {}, end() {} };

function createLine(show: (text: string) => void, now: () => number): Line {
  const begun = now();
  let [said, nextAt, isDrawn, hasEnded] = ['', begun, false, false];
  const draw = (): void => {
    const seconds = Math.floor((now() - begun) / 1000);
    if (said === '' && seconds < patience) return;
    show(`${said || 'Working'} ...${seconds < patience ? '' : ` ${seconds} s`}`);
    isDrawn = true;
  };
  const clear = (): void => {
    if (isDrawn) show('');
    isDrawn = false;
  };
  const timer = setInterval(draw, heartbeat).unref();
  return {
    say(text) {
      said = text;
      if (hasEnded || now() < nextAt) return;
      nextAt = now() + pause;
      draw();
    },
    clear,
    end() {
      hasEnded = true;
      clearInterval(timer);
      clear();
    },
  };
}
